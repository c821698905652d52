"""All kinds of set-up that ordinary mail comes from, by the names that the README's table shows."""

from __future__ import annotations

from tests.threat.honest import Conversation
from tests.threat.setups import (
    absences,
    address_books,
    agents_answer,
    agents_forward,
    both_lost,
    broken_forwarders,
    by_spf,
    capitals,
    closed_tickets,
    contact_forms,
    machines,
    months_later,
    newsletters,
    other_scripts,
    phones,
    providers,
    rewriting_lists,
    rewritten_ids,
    second_addresses,
    small_domains,
    stripped_tags,
    subject_lists,
    web_mailers,
    whole_forwarders,
    wrong_clocks,
)
from tests.threat.verified import checked_here, failing_domains

# The name of a kind, as the table shows it.
KINDS: dict[str, Conversation] = {
    "customers of large providers, with DKIM": providers,
    "small domains without DKIM, SPF or DMARC": small_domains,
    "domains with SPF alone": by_spf,
    "forwarders that keep the signature": whole_forwarders,
    "forwarders that break it, with and without a policy": broken_forwarders,
    "domains that fail their own policy": failing_domains,
    "no mail server in front: the desk checks DKIM itself": checked_here,
    "mailing lists that write their own From": rewriting_lists,
    "mailing lists that mark the subject": subject_lists,
    "second addresses of the same person": second_addresses,
    "the part behind the plus gets lost": stripped_tags,
    "a relay rewrites Message-IDs": rewritten_ids,
    "both get lost": both_lost,
    "phones": phones,
    "web-mailers with one reference": web_mailers,
    "signed addresses in address books": address_books,
    "replies months later": months_later,
    "replies to closed tickets": closed_tickets,
    "vacation responders": absences,
    "a website's contact form": contact_forms,
    "agents, by phone and from other addresses": agents_answer,
    "agents who forward": agents_forward,
    "scanners and accounting programs": machines,
    "newsletters and notifications": newsletters,
    "names and addresses beyond ASCII": other_scripts,
    "addresses in capitals": capitals,
    "clocks that are wrong": wrong_clocks,
}
