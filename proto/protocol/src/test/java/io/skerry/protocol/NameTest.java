package io.skerry.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class NameTest {
  private static final Pattern LOWER = Pattern.compile("[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?");
  private static final Pattern MIXED =
      Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?");
  private static final String LETTERS = "aazzAZ09._-./:@[`{ \u00e9\u0000";

  @Test
  void takesWhatThePatternsSay() {
    Random random = new Random(1);
    int names = 0;
    for (int i = 0; i < 200_000; i++) {
      StringBuilder text = new StringBuilder();
      int usual = random.nextInt(2) == 0 ? 12 : LETTERS.length();
      for (int left = random.nextInt(5) == 0 ? 60 + random.nextInt(8) : random.nextInt(6);
          left > 0;
          left--) {
        text.append(LETTERS.charAt(random.nextInt(usual)));
      }
      String value = text.toString();
      assertThat(takes(() -> Name.checked("unit", value)))
          .as(value)
          .isEqualTo(LOWER.matcher(value).matches());
      assertThat(takes(() -> Name.checkedMixedCase("model", value)))
          .as(value)
          .isEqualTo(MIXED.matcher(value).matches());
      names += MIXED.matcher(value).matches() ? 1 : 0;
    }
    assertThat(names).isBetween(20_000, 180_000);
  }

  private static boolean takes(Runnable check) {
    try {
      check.run();
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
