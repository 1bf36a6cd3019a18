import { expect, test } from "vitest";
import { quoted } from "../../lib/command-home";

test.each([["/srv/desk-1", "/srv/desk-1"], ["/a b", "'/a b'"], ["/it's; rm -rf x", "'/it'\\''s; rm -rf x'"], ["/$HOME", "'/$HOME'"]])(
  "the path %s stands in a command as %s", (path, written) => expect(quoted(path)).toBe(written));
