package io.skerry.control.overview;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.TestControlPlane;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The first page that anybody sees. */
@Tag("slow")
class SignInPageTest {
  private final TestControlPlane plane = TestControlPlane.shared();

  @Test
  void holdsItsFormOnAnyScreen(@TempDir Path folder) throws Exception {
    try (Browser browser = Browser.start(folder)) {
      for (int width : new int[] {1400, 700, 360}) {
        browser.width(width);
        browser.open(plane.url().resolve("/drift"));
        browser.until("document.querySelector('.login form') !== null");

        String form = "document.querySelector('.login form')";
        assertThat(browser.read("String(%s.scrollWidth <= %s.clientWidth)".formatted(form, form)))
            .as("at %d pixels", width)
            .isEqualTo("true");
      }
    }
  }
}
