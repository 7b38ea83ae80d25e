package io.skerry.artifact.npy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
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
          header("'<c8'", "False", "(1,)"),
          header("'>f8'", "False", "(1,)"),
          header("'<f8'", "False", "(2,)"),
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

  @Test
  void convertsWhatNumpyStoresOtherwise() throws IOException {
    assertThat(read("<f8", 8, b -> b.putDouble(0.1).putDouble(1e300)).floats())
        .containsExactly(0.1f, Float.POSITIVE_INFINITY);
    assertThat(read("<f2", 2, b -> b.putShort((short) 0x3c00).putShort((short) 0xfc00)).floats())
        .containsExactly(1, Float.NEGATIVE_INFINITY);
    assertThat(read("|u1", 1, b -> b.put((byte) 255).put((byte) 7)).ints()).containsExactly(255, 7);
    assertThat(read("|b1", 1, b -> b.put((byte) 1).put((byte) 0)).ints()).containsExactly(1, 0);
    assertThat(read("<i2", 2, b -> b.putShort((short) -2).putShort((short) 300)).ints())
        .containsExactly(-2, 300);
    assertThat(read("<u2", 2, b -> b.putShort((short) -2).putShort((short) 3)).ints())
        .containsExactly(65534, 3);
    assertThat(read("<u4", 4, b -> b.putInt(-2).putInt(3)).longs()).containsExactly(4294967294L, 3);
    assertThat(read("<u8", 8, b -> b.putLong(1L << 40).putLong(3)).longs())
        .containsExactly(1L << 40, 3);
    assertThatThrownBy(() -> read("<u8", 8, b -> b.putLong(0).putLong(-1)))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll("a.npy", "element 1", "18446744073709551615", "<i8");
  }

  @Test
  void readsTheRowsThatAreWanted() throws IOException {
    Path file = folder.resolve("rows.npy");
    NpyArray.ofLongs(new long[] {0, 1, 10, 11, 20, 21}, 3, 2).write(file);

    try (NpyFile open = NpyFile.open(file)) {
      assertThat(open.shape()).containsExactly(3, 2);
      assertThat(open.type()).isEqualTo(NpyArray.Type.INT64);
      assertThat(open.read(2, 0).longs()).containsExactly(20, 21, 0, 1);
      assertThat(open.read(1).shape()).containsExactly(1, 2);
    }
  }

  /** Two elements of this type. */
  private NpyArray read(String type, int bytesEach, Consumer<ByteBuffer> elements)
      throws IOException {
    byte[] header = header("'%s'".formatted(type), "False", "(2,)");
    ByteBuffer all =
        ByteBuffer.allocate(header.length - 8 + 2 * bytesEach).order(ByteOrder.LITTLE_ENDIAN);
    elements.accept(all.put(header, 0, header.length - 8));
    return NpyArray.read(Files.write(folder.resolve("a.npy"), all.array()));
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
