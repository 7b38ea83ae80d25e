package io.skerry.control.overview;

import io.micronaut.http.MutableHttpResponse;

/** What every page tells the browser: run our scripts only, load nothing from elsewhere. */
final class PageHeaders {
  // Widths of bars are style attributes; scripts and style sheets come from here only.
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline';"
          + " img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
          + " frame-ancestors 'none'";

  private PageHeaders() {}

  static <T> MutableHttpResponse<T> on(MutableHttpResponse<T> response) {
    return response
        .header("Content-Security-Policy", POLICY)
        .header("X-Content-Type-Options", "nosniff")
        // Not "no-referrer": with it a form is posted with "Origin: null", which is refused.
        .header("Referrer-Policy", "same-origin")
        .header("Cache-Control", "no-store");
  }
}
