package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class PredictionIdTest {
  private static final Pattern ULID = Pattern.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}");
  private static final String ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

  @Test
  void takesEveryLetterThatUlidsHaveAndNoOther() {
    for (char letter = 0; letter < 256; letter++) {
      for (int at : new int[] {0, 1, 25}) {
        String text = ID.substring(0, at) + letter + ID.substring(at + 1);
        assertThat(PredictionId.isValid(text)).as(text).isEqualTo(ULID.matcher(text).matches());
      }
    }
  }

  @Test
  void takesNoOtherLength() {
    assertThat(PredictionId.isValid(ID)).isTrue();
    assertThat(PredictionId.isValid(ID + "0")).isFalse();
    assertThat(PredictionId.isValid(ID.substring(1))).isFalse();
    assertThat(PredictionId.isValid("")).isFalse();
  }
}
