package io.skerry.artifact.npy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpyArrayTest {
  @TempDir Path folder;

  @Test
  void readsWhatItWrote() throws IOException {
    Path file = folder.resolve("a.npy");

    NpyArray.ofFloats(new float[] {1, 2, 3, 4, 5, Float.NaN}, 2, 3).write(file);
    assertThat(NpyArray.read(file).floats()).containsExactly(1, 2, 3, 4, 5, Float.NaN);
    assertThat(NpyArray.read(file).shape()).containsExactly(2, 3);
    NpyArray.ofBytes(new byte[] {-1, 2}, 2).write(file);
    assertThat(NpyArray.read(file).bytes()).containsExactly(-1, 2);
    NpyArray.ofInts(new int[] {7}).write(file);
    assertThat(NpyArray.read(file).ints()).containsExactly(7);
    NpyArray.ofLongs(new long[] {1L << 40, 2}, 1, 2).write(file);
    assertThat(NpyArray.read(file).longs()).containsExactly(1L << 40, 2);
    NpyArray.ofFloats(new float[0], 0, 3).write(file);
    assertThat(NpyArray.read(file).floats()).isEmpty();
  }

  @Test
  void writesTheBytesThatNumpyWrites() throws IOException {
    Path file = folder.resolve("a.npy");

    NpyArray.ofFloats(new float[] {1}, 1).write(file);

    byte[] bytes = Files.readAllBytes(file);
    assertThat(bytes).hasSize(132);
    assertThat(Arrays.copyOf(bytes, 10))
        .containsExactly(0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0);
    assertThat(new String(bytes, 10, 118, StandardCharsets.ISO_8859_1))
        .startsWith("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }")
        .endsWith("\n");
  }

  @Test
  void refusesATruncatedOrForeignFileAndNamesIt() throws IOException {
    Path file = folder.resolve("a.npy");
    NpyArray.ofFloats(new float[] {1, 2}, 2).write(file);
    byte[] bytes = Files.readAllBytes(file);

    for (byte[] wrong :
        new byte[][] {
          {},
          "PK".getBytes(StandardCharsets.US_ASCII),
          Arrays.copyOf(bytes, 20),
          Arrays.copyOf(bytes, bytes.length - 1),
          header("'<f8'", "False", "(1,)"),
          header("'<f4'", "True", "(2,)"),
          header("'<f4'", "False", "(2147483647, 2147483647, 2147483647)"),
          header("'<f4'", "False", "(99999999999,)")
        }) {
      Files.write(file, wrong);
      assertThatThrownBy(() -> NpyArray.read(file))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("a.npy");
    }
  }

  private static byte[] header(String descr, String order, String shape) {
    String text =
        "{'descr': %s, 'fortran_order': %s, 'shape': %s, }\n".formatted(descr, order, shape);
    byte[] header = new byte[10 + text.length() + 8];
    System.arraycopy(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}, 0, header, 0, 8);
    header[8] = (byte) text.length();
    System.arraycopy(text.getBytes(StandardCharsets.ISO_8859_1), 0, header, 10, text.length());
    return header;
  }

  @Test
  void saysWhereNoNumberIs() {
    assertThat(NpyArray.ofFloats(new float[] {1, 2, Float.NaN, 4}, 2, 2).firstNotFinite())
        .isEqualTo(2);
    assertThat(NpyArray.ofFloats(new float[] {Float.NEGATIVE_INFINITY}, 1).firstNotFinite())
        .isZero();
    assertThat(NpyArray.ofFloats(new float[] {-Float.MAX_VALUE, 0}, 2).firstNotFinite())
        .isEqualTo(-1);
    assertThat(NpyArray.ofInts(new int[] {1}, 1).firstNotFinite()).isEqualTo(-1);
  }

  @Test
  void saysWhetherItHoldsTheSameEverywhere() {
    assertThat(NpyArray.ofFloats(new float[] {0, -0f, 0}, 3).isConstant()).isTrue();
    assertThat(NpyArray.ofFloats(new float[] {0, 0, 1}, 3).isConstant()).isFalse();
    assertThat(NpyArray.ofFloats(new float[0], 0, 3).isConstant()).isFalse();
    assertThat(NpyArray.ofBytes(new byte[] {7, 7}, 2).isConstant()).isTrue();
    assertThat(NpyArray.ofInts(new int[] {7, 8}, 2).isConstant()).isFalse();
    assertThat(NpyArray.ofLongs(new long[] {7, 7}, 2).isConstant()).isTrue();
  }

  @Test
  void refusesAShapeThatDoesNotFit() {
    assertThatThrownBy(() -> NpyArray.ofFloats(new float[3], 2, 2))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
