'use strict';
// @ohos.url on Node's URL.

class OhosURL extends URL {
  static parseURL(text, base) {
    return new OhosURL(text, base instanceof URL ? base.href : base);
  }

  get params() {
    return this.searchParams;
  }
}

module.exports = { URL: OhosURL, URLParams: URLSearchParams, URLSearchParams };
