// Everything works without this file; it only saves a step.
"use strict";

