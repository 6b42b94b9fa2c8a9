// Lets in the badges of a file: lines `BADGE:NAME`, the secret and whose it is.
import { lookup } from "theseus:plugin/files@0.1.0";

export const lifecycle = {
  describe: () => ({
    name: "door",
    version: "1.0.0",
    summary: "lets in who shows a badge",
    settings: [
      { key: "badges_file", kind: "keyed-file", required: true, meaning: "lines `BADGE:NAME`" },
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

const allow = (username) => {
  const grant = { username, superuser: false, attributes: [], rules: [], limits: [] };
  return { tag: "allow", val: { grant } };
};

export const authn = {
  authenticate(who, { password }) {
    // Without a password it is not for us: the next plugin of the chain is asked.
    if (password === undefined) return next;
    const name = lookup("badges_file", new TextDecoder().decode(password));
    // The name is the badge's. The one in CONNECT anyone can say who has any badge.
    return name === undefined ? next : allow(name);
  },
  proceed: () => next,
  revalidate: () => next,
};
