package io.skerry.api.document;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.skerry.api.FieldError;
import java.util.Collections;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RequestDocumentTest {
  private static final RequestDocument ROLLOUT = RequestDocument.ROLLOUT;

  @Test
  void tellsEveryMistakeWithItsField() {
    InvalidDocumentException refused =
        catchThrowableOfType(
            InvalidDocumentException.class,
            () -> ROLLOUT.read("it", "model: a\nstages: [{percnt: 10}]\ndynamic: 3\n"));

    assertThat(refused.mistakes())
        .extracting(FieldError::field)
        .containsExactly("stages[0].percnt", "dynamic", "version");
  }

  @Test
  void takesASharedPartMoreThanOnce() {
    assertThat(
            ROLLOUT
                .read("it", "model: a\nversion: 1\nstages: [&lab {cohort: lab}, *lab]")
                .toString())
        .contains("[{\"cohort\":\"lab\"},{\"cohort\":\"lab\"}]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "- 1", "model: [", "model: .nan", "&a [*a]", "a: &a {b: [*a]}", "!!x"})
  void refusesWhatIsNoDocumentOfFields(String text) {
    assertThatThrownBy(() -> ROLLOUT.read("it", text))
        .isInstanceOf(InvalidDocumentException.class)
        .message()
        .isNotBlank();
  }

  @Test
  void refusesWhatIsTooDeepTooLongOrGrowsByItself() {
    assertThatThrownBy(() -> ROLLOUT.read("it", "model: " + "[".repeat(100_000)))
        .isInstanceOf(InvalidDocumentException.class)
        .hasMessage("it is nested deeper than 32");
    assertThatThrownBy(() -> ROLLOUT.read("it", " ".repeat(RequestDocument.CHARACTERS_MAX + 1)))
        .isInstanceOf(InvalidDocumentException.class)
        .hasMessageContaining("larger than 1048576 characters");
    StringBuilder doubling = new StringBuilder("a0: &a0 [1, 1]\n");
    for (int i = 1; i < 30; i++) {
      doubling.append("a%d: &a%d [*a%d, *a%d]\n".formatted(i, i, i - 1, i - 1));
    }
    assertThatThrownBy(() -> ROLLOUT.read("it", doubling.toString()))
        .isInstanceOf(InvalidDocumentException.class)
        .hasMessageContaining("aliases");
  }

  @Test
  void refusesAliasesOfALongText() {
    String text =
        "model: &a \"%s\"\nstages: [%s]\n"
            .formatted("x".repeat(32_000), String.join(",", Collections.nCopies(11_000, "*a")));

    assertThatThrownBy(() -> ROLLOUT.read("it", text))
        .isInstanceOf(InvalidDocumentException.class)
        .hasMessageContaining("aliases make it larger than 1048576 characters");
  }

  @Test
  void refusesListsThatDoubleTenTimes() {
    String text = "&a0 [%s]".formatted(String.join(",", Collections.nCopies(30_000, "1")));
    for (int i = 1; i <= 10; i++) {
      text = "&a%d [%s, *a%d]".formatted(i, text, i - 1);
    }
    String whole = "model: a\nversion: 1\nstages: " + text + "\n";

    assertThatThrownBy(() -> ROLLOUT.read("it", whole))
        .isInstanceOf(InvalidDocumentException.class)
        .hasMessageContaining("aliases make it larger than 1048576 characters");
  }

  @Test
  void tellsABoundedNumberOfMistakes() {
    StringBuilder many = new StringBuilder();
    for (int i = 0; i < 500; i++) {
      many.append("x%d: 1\n".formatted(i));
    }

    InvalidDocumentException refused =
        catchThrowableOfType(
            InvalidDocumentException.class, () -> ROLLOUT.read("it", many.toString()));

    assertThat(refused.mistakes()).hasSize(100);
  }
}
