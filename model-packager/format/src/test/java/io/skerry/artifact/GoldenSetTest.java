package io.skerry.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GoldenSetTest {
  private static final GoldenCase CASE =
      new GoldenCase(
          List.of(GoldenTensor.ofFloats("input", List.of(1L, 2L), 1, 2)),
          List.of(GoldenTensor.ofFloats("score", List.of(1L, 2L), 10, Float.NaN)));
  private static final GoldenSet SET = new GoldenSet(new Tolerance(0.1, 0.01), List.of(CASE));

  @Test
  void readsWhatItWroteAndKeepsItsFormat() {
    byte[] bytes = SET.toBytes();

    assertThat(GoldenSet.parse(bytes)).isEqualTo(SET);
    String header =
        "{\"absolute\":0.1,\"relative\":0.01,\"cases\":[{\"inputs\":[{\"name\":\"input\",\"type\":\"FP32\",\"shape\":[1,2]}],\"outputs\":[{\"name\":\"score\",\"type\":\"FP32\",\"shape\":[1,2]}]}]}";
    assertThat(new String(bytes, 0, 8, StandardCharsets.US_ASCII)).isEqualTo("SKGOLD1\n");
    assertThat(new String(bytes, 12, header.length(), StandardCharsets.UTF_8)).isEqualTo(header);
    assertThat(bytes).hasSize(12 + header.length() + 16);
  }

  @Test
  void allowsTheToleranceAndNotMore() {
    assertThat(difference(10.19f, Float.NaN)).isEmpty();
    assertThat(difference(9.81f, Float.NaN)).isEmpty();
    assertThat(difference(10.21f, Float.NaN)).contains("element 0");
    assertThat(difference(Float.NaN, Float.NaN)).contains("element 0");
    assertThat(difference(10, 1)).contains("element 1");
    assertThat(difference(Float.POSITIVE_INFINITY, Float.NaN)).contains("element 0");
  }

  @Test
  void refusesAnotherShapeOrType() {
    ByteBuffer data = floats(10, Float.NaN);

    assertThat(CASE.difference("score", ElementType.FP32, List.of(2L, 1L), data, SET.tolerance()))
        .isPresent();
    assertThat(CASE.difference("score", ElementType.INT32, List.of(1L, 2L), data, SET.tolerance()))
        .isPresent();
    assertThat(CASE.difference("other", ElementType.INT32, List.of(1L, 2L), data, SET.tolerance()))
        .isEmpty();
  }

  /** Agents that know of no tolerances of outputs read the same fields as ever. */
  @Test
  void keepsTolerancesOfOutputsBesideTheOneOfAll() {
    GoldenSet set =
        new GoldenSet(
            new Tolerance(12.75, 0),
            Map.of("b", new Tolerance(1, 0), "a", new Tolerance(0.05, 0.5)),
            List.of(CASE));
    String text = new String(set.toBytes(), StandardCharsets.ISO_8859_1);

    assertThat(text)
        .contains(
            "{\"absolute\":12.75,\"relative\":0.0,\"outputs\":[{\"name\":\"a\",\"absolute\":0.05,\"relative\":0.5},{\"name\":\"b\",\"absolute\":1.0,\"relative\":0.0}],\"cases\":[");
    GoldenSet read = GoldenSet.parse(set.toBytes());
    assertThat(read).isEqualTo(set);
    assertThat(read.tolerance("a")).isEqualTo(new Tolerance(0.05, 0.5));
    assertThat(read.tolerance("score")).isEqualTo(new Tolerance(12.75, 0));
    for (byte[] wrong :
        List.of(
            changed(text, "\"b\"", "\"a\""),
            changed(text, "\"absolute\":1.0", "\"absolute\":-10"),
            changed(text, "\"outputs\":[{\"name\":\"a\"", "\"outputs\":[{\"nama\":\"a\""))) {
      assertThatThrownBy(() -> GoldenSet.parse(wrong)).isInstanceOf(ArtifactException.class);
    }
  }

  @Test
  void refusesBytesThatAreNoSet() {
    byte[] bytes = SET.toBytes();
    String text = new String(bytes, StandardCharsets.ISO_8859_1);

    for (byte[] wrong :
        List.of(
            new byte[0],
            Arrays.copyOf(bytes, 11),
            Arrays.copyOf(bytes, 40),
            Arrays.copyOf(bytes, bytes.length - 1),
            Arrays.copyOf(bytes, bytes.length + 1),
            changed(text, "SKGOLD1", "SKGOLD2"),
            changed(text, "[1,2]", "[1,3]"),
            changed(text, "[1,2]", "[-1,"),
            changed(text, "FP32", "FP64"),
            changed(text, "FP32", "FP33"),
            changed(text, "0.01", "-0.1"))) {
      assertThatThrownBy(() -> GoldenSet.parse(wrong)).isInstanceOf(ArtifactException.class);
    }
  }

  private static byte[] changed(String text, String from, String to) {
    assertThat(text).contains(from);
    return text.replace(from, to).getBytes(StandardCharsets.ISO_8859_1);
  }

  private static String difference(float... values) {
    return CASE.difference(
            "score", ElementType.FP32, List.of(1L, 2L), floats(values), SET.tolerance())
        .orElse("");
  }

  private static ByteBuffer floats(float... values) {
    ByteBuffer data = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return data;
  }
}
