// The filters of the sample browser in the page's address: #task=...&model=...&change=1,2,3&item=...
const browserAddress = (() => {
  const KEYS = ["task", "subject", "model", "change", "status", "text", "order", "against", "item"];

  // The filters that an address names; null where it names none.
  function read(hash) {
    const given = new URLSearchParams(hash.replace(/^#/, ""));
    const known = KEYS.filter((key) => given.has(key));
    return known.length ? Object.fromEntries(known.map((key) => [key, given.get(key)])) : null;
  }

  // The address of these filters; empty ones are left out.
  function write(filters) {
    const pairs = KEYS.filter((key) => filters[key]).map((key) => `${key}=${encodeURIComponent(filters[key]).replace(/%2C/g, ",")}`);
    return `#${pairs.join("&")}`;
  }

  return { read, write };
})();
