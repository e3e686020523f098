// The test plugin of `refhost conformance` in TypeScript; it does what the host's files tell it.

import { conformance } from "./hooks";
import { runPlugin } from "./runtime/run";

void runPlugin(conformance);
