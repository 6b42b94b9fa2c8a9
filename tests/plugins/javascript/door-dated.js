// The door's next version: a badge may end, `BADGE:NAME until DAY`. Of a day that is none it makes an
// exception, as policies do that were tried with good files only.
import { lookup } from "theseus:plugin/files@0.1.0";
import { nowMs } from "theseus:plugin/clock@0.1.0";

export const lifecycle = {
  describe: () => ({
    name: "door",
    version: "1.1.0",
    summary: "lets in who shows a badge, until it ends",
    settings: [
      {
        key: "badges_file",
        kind: "keyed-file",
        required: true,
        meaning: "lines `BADGE:NAME` or `BADGE:NAME until DAY`",
      },
    ],
    connectors: [],
    hookFilters: [],
    stateSchema: 0,
  }),
  init() {},
  selfTest() {},
  migrate() {},
};

const next = { tag: "next" };
const tooLate = { tag: "deny", val: { reason: "not-authorized" } };

const allow = (username) => {
  const grant = { username, superuser: false, attributes: [], rules: [], limits: [] };
  return { tag: "allow", val: { grant } };
};

// 64-bit numbers of the interface are BigInt here.
const today = () => new Date(Number(nowMs())).toISOString();

export const authn = {
  authenticate(who, { password }) {
    if (password === undefined) return next;
    const badge = lookup("badges_file", new TextDecoder().decode(password));
    if (badge === undefined) return next;
    const [name, day] = badge.split(" until ");
    if (day !== undefined && new Date(day).toISOString() <= today()) return tooLate;
    return allow(name);
  },
  proceed: () => next,
  revalidate: () => next,
};
