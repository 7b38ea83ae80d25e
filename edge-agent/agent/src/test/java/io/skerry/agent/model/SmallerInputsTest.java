package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.ByteStrings;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SmallerInputsTest {
  private static List<List<Tensor>> smaller(List<Long> spec, Tensor... inputs) {
    List<TensorSpec> specs =
        Stream.of(inputs).map(input -> new TensorSpec(input.name(), input.type(), spec)).toList();
    return SmallerInputs.of(new ModelSignature(specs, specs), List.of(inputs)).stream()
        .map(SmallerInputs::tensors)
        .toList();
  }

  private static Tensor bytes(String name, Long... shape) {
    return new Tensor(
        name,
        ElementType.UINT8,
        List.of(shape),
        ByteBuffer.allocate(Math.toIntExact(Tensor.elements(List.of(shape)))));
  }

  private static Tensor strings(String... texts) {
    return new Tensor(
        "text",
        ElementType.BYTES,
        List.of((long) texts.length),
        ByteStrings.write(
            Stream.of(texts).map(text -> text.getBytes(StandardCharsets.UTF_8)).toList()));
  }

  private static List<List<Long>> shapes(List<List<Tensor>> all) {
    return all.stream().map(tensors -> tensors.getFirst().shape()).toList();
  }

  @Test
  void halvesTheLargestOpenSidesAndKeepsThoseOfOneSizeSo() {
    assertThat(shapes(smaller(List.of(-1L, 3L, -1L, -1L), bytes("x", 2L, 3L, 8L, 8L))))
        .containsExactly(
            List.of(1L, 3L, 1L, 1L),
            List.of(1L, 3L, 2L, 2L),
            List.of(2L, 3L, 2L, 2L),
            List.of(2L, 3L, 4L, 4L));
    assertThat(shapes(smaller(List.of(-1L, -1L), bytes("x", 5L, 9L))))
        .containsExactly(
            List.of(1L, 1L),
            List.of(1L, 2L),
            List.of(2L, 2L),
            List.of(2L, 3L),
            List.of(3L, 3L),
            List.of(3L, 5L),
            List.of(5L, 5L));
  }

  @Test
  void halvesAllInputsTogether() {
    assertThat(smaller(List.of(-1L, -1L), bytes("ids", 1L, 4L), bytes("mask", 1L, 4L)))
        .allSatisfy(both -> assertThat(both.getFirst().shape()).isEqualTo(both.getLast().shape()))
        .hasSize(2);
  }

  @Test
  void cutsStringsBetweenCharacters() {
    List<List<Tensor>> smaller = smaller(List.of(-1L), strings("abcdefgh", "\u20ac\u20ac\u20ac"));

    assertThat(smaller)
        .extracting(
            tensors ->
                ByteStrings.read(tensors.getFirst().data()).stream()
                    .map(text -> new String(text, StandardCharsets.UTF_8))
                    .toList())
        .containsExactly(
            List.of("a"), List.of("a", ""), List.of("ab", "\u20ac"), List.of("abcd", "\u20ac"));
  }

  @Test
  void areNoneWhereNothingIsOpenOrEverythingIsSmallest() {
    assertThat(smaller(List.of(4L), bytes("x", 4L))).isEmpty();
    assertThat(smaller(List.of(-1L), bytes("x", 1L))).isEmpty();
    assertThat(smaller(List.of(-1L, -1L), bytes("x", 0L, 7L))).isEmpty();
    assertThat(smaller(List.of(-1L), strings("a"))).isEmpty();
  }
}
