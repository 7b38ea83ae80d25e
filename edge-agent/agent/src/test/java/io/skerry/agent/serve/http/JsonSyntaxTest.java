package io.skerry.agent.serve.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParseException;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.serve.StrictJson;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonSyntaxTest {
  private static final int MUTATIONS = 20_000;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        " { \"a\" : [ ] , \"b\" : { } }\n",
        "{\"a\": [1, -0, 0.5, 1e3, -2.5E-10, 0]}",
        "{\"a\": [NaN, Infinity, -Infinity, true, false, null]}",
        "{\"a\": [[[{\"b\": [{}]}]]], \"c\": \"\\u00fc\\n\\\"\\\\ grüße\"}",
      })
  void takesWhatIsJson(String text) {
    assertThatCode(() -> require(text)).doesNotThrowAnyException();
  }

  /** The reader after it would take a longer one for a text. */
  @Test
  void refusesNumbersThatAreTooLongToBeRead() {
    String longest = "-0." + "1".repeat(JsonSyntax.NUMBER_CHARACTERS_MAX - 3);

    assertThatCode(() -> require("{\"a\": %s}".formatted(longest))).doesNotThrowAnyException();
    assertThatThrownBy(() -> require("{\"a\": %s1}".formatted(longest)))
        .hasMessageContaining("a number has more than 1000 characters (at byte ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "1",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\": 1",
        "{\"a\": [1}",
        "{\"a\": {]",
        "{\"a\": [1,]}",
        "{\"a\": [,1]}",
        "{\"a\" 1}",
        "{a: 1}",
        "{'a': 1}",
        "{\"a\": 'b'}",
        "{\"a\": b}",
        "{\"a\": 01}",
        "{\"a\": -}",
        "{\"a\": .5}",
        "{\"a\": 5.}",
        "{\"a\": 1e}",
        "{\"a\": +1}",
        "{\"a\": 0x1}",
        "{\"a\": TRUE}",
        "{\"a\": NaN}",
        "{\"a\": [nan]}",
        "{\"a\": [-NaN]}",
        "{\"a\": [Infinit]}",
        "{\"a\": \"\\x\"}",
        "{\"a\": \"\\u12g4\"}",
        "{\"a\": \"\t\"}",
        "{\"a\": \"b}",
        "{} x",
        "{}{}",
        "{} // comment",
        "{\"a\": 1; \"b\": 2}",
        "{\"a\" => 1}",
      })
  void refusesWhatIsNot(String text) {
    assertThatThrownBy(() -> require(text))
        .isInstanceOf(PredictException.class)
        .hasMessageStartingWith("failed to parse the request JSON: ")
        .hasMessageContaining("(at byte ");
  }

  @Test
  void isNestedNoDeeperThanItMayBe() {
    int inner = JsonSyntax.DEPTH_MAX - 1;

    assertThatCode(() -> require("{\"a\": " + "[".repeat(inner) + "]".repeat(inner) + "}"))
        .doesNotThrowAnyException();
    assertThatThrownBy(
            () -> require("{\"a\": " + "[".repeat(inner + 1) + "]".repeat(inner + 1) + "}"))
        .hasMessageContaining("nested deeper than 64");
    assertThatThrownBy(() -> require("{\"a\": " + "[".repeat(1_000_000)))
        .hasMessageContaining("nested deeper than 64");
  }

  /** What another strict reader takes or refuses is taken or refused here, but for what is said. */
  @Test
  void agreesWithAnotherStrictReader() {
    Random random = new Random(20261129);
    byte[] alphabet = "{}[]\",:0123456789eE+-.\\/truefalsnul \n\t'=;#abc".getBytes(UTF_8);
    String seed =
        "{\"a\": [1, -2.5e3, \"x\\u00fc\"], \"b\": {\"c\": null, \"d\": [[], {}]}, \"e\": 0}";
    int taken = 0;
    for (int i = 0; i < MUTATIONS; i++) {
      byte[] json = seed.getBytes(UTF_8);
      for (int change = random.nextInt(3); change >= 0; change--) {
        json[random.nextInt(json.length)] = alphabet[random.nextInt(alphabet.length)];
      }
      String text = new String(json, UTF_8);

      boolean takes = takes(text);

      assertThat(takes).as(text).isEqualTo(otherTakes(text));
      taken += takes ? 1 : 0;
    }
    assertThat(taken).isBetween(100, MUTATIONS - 100);
  }

  private static boolean takes(String text) {
    try {
      require(text);
      return true;
    } catch (PredictException e) {
      return false;
    }
  }

  private static boolean otherTakes(String text) {
    try {
      StrictJson.object(text);
      return true;
    } catch (JsonParseException e) {
      // It refuses a name that comes twice; here the reader's last one counts.
      return String.valueOf(e.getMessage()).contains("duplicate");
    }
  }

  private static void require(String text) throws PredictException {
    byte[] around = ("xx" + text + "xx").getBytes(UTF_8);
    JsonSyntax.requireObject(ByteBuffer.wrap(around, 2, around.length - 4));
  }

  @Test
  void readsOnlyWhatIsItsOwn() {
    assertThat(List.of(takes("{\"a\": 1"), takes("{\"a\": 1}"))).containsExactly(false, true);
  }
}
