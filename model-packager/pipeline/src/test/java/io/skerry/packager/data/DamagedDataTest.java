package io.skerry.packager.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever happened to a file: it is read, or refused in one line that names it. */
class DamagedDataTest {
  private static final int DAMAGES = 600;
  private static final List<String> WORDS =
      List.of(
          ",", "\0", "[", "-", "1e9", "NaN", "..", "/", ": ", "\n", "&a ", "*a", "!!x ", "null");

  @TempDir private Path folder;

  @Test
  void ofRawTensors() throws Exception {
    TensorSpec input = new TensorSpec("x", ElementType.FP32, List.of(-1L, 3L));
    String description =
        "format: raw\ndtype: float32\nshape: [3]\nscale: 0.5\nzeroPoint: 2\nlabels: y.csv\n";
    String labels = "a.bin,5,0\nb.bin,5,4\n";
    List<String> wrong = new ArrayList<>();
    for (long seed = 1; seed <= DAMAGES; seed++) {
      Random random = new Random(seed);
      int which = random.nextInt(4);
      Files.writeString(
          folder.resolve("data.yaml"), which == 0 ? damaged(description, random) : description);
      Files.writeString(folder.resolve("y.csv"), which == 1 ? damaged(labels, random) : labels);
      Files.write(folder.resolve("a.bin"), new byte[which == 2 ? random.nextInt(20) : 12]);
      Files.write(
          folder.resolve("b.bin"),
          damaged(new byte[12], random, which == 3 ? 1 + random.nextInt(12) : 0));
      readOrRefused(seed, input, folder.toString(), wrong);
    }

    assertThat(wrong).isEmpty();
  }

  @Test
  void ofImages() throws Exception {
    TensorSpec input = new TensorSpec("x", ElementType.FP32, List.of(-1L, 8L, 8L, 3L));
    List<String> wrong = new ArrayList<>();
    for (String format : List.of("png", "jpg", "bmp")) {
      Path file = Files.createDirectories(folder.resolve("a")).resolve("1." + format);
      byte[] image = image(format);
      for (long seed = 1; seed <= DAMAGES; seed++) {
        Random random = new Random(seed);
        byte[] damaged = damaged(image, random, 1 + random.nextInt(4));
        Files.write(
            file,
            random.nextInt(4) == 0
                ? Arrays.copyOf(damaged, random.nextInt(damaged.length))
                : damaged);
        readOrRefused(seed, input, file.getFileName().toString(), wrong);
      }
      Files.delete(file);
    }

    assertThat(wrong).isEmpty();
  }

  /** Wherever a file was cut off: what of it is there still looks like a picture. */
  @Test
  void ofImagesThatAreCutOff() throws Exception {
    TensorSpec input = new TensorSpec("x", ElementType.FP32, List.of(-1L, 8L, 8L, 3L));
    for (String format : List.of("png", "jpg", "bmp")) {
      Path file = Files.createDirectories(folder.resolve("a")).resolve("1." + format);
      byte[] image = image(format);
      Files.write(file, image);
      assertThat(DataReader.read(folder, input, 10).samples().count()).isOne();
      for (int bytes = 0; bytes < image.length; bytes++) {
        Files.write(file, Arrays.copyOf(image, bytes));

        assertThatThrownBy(() -> DataReader.read(folder, input, 10))
            .as("%s of %d bytes, cut to %d", format, image.length, bytes)
            .isInstanceOf(DataRefusedException.class)
            .hasMessageContaining("1." + format)
            .hasMessageNotContaining("\n");
      }
      Files.delete(file);
    }
  }

  private void readOrRefused(long seed, TensorSpec input, String name, List<String> wrong) {
    try {
      Dataset read = DataReader.read(folder, input, 10);
      assertThat(read.samples().count()).isPositive();
    } catch (DataRefusedException e) {
      String message = String.valueOf(e.getMessage());
      if (!message.contains(name) || message.contains("\n")) {
        wrong.add("seed %d: %s".formatted(seed, message));
      }
    } catch (RuntimeException | StackOverflowError e) {
      wrong.add("seed %d: %s".formatted(seed, e));
    }
  }

  private static byte[] damaged(byte[] content, Random random, int bytes) {
    byte[] damaged = content.clone();
    for (int i = 0; i < bytes; i++) {
      damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
    }
    return damaged;
  }

  /** With words put in, or in place of characters, or parts of it gone. */
  private static String damaged(String whole, Random random) {
    String text = whole;
    for (int i = random.nextInt(4); i >= 0; i--) {
      text = damagedOnce(text, random);
    }
    return text;
  }

  private static String damagedOnce(String text, Random random) {
    int from = random.nextInt(text.length() + 1);
    int to = Math.min(text.length(), from + random.nextInt(12));
    String word = WORDS.get(random.nextInt(WORDS.size()));
    String put =
        switch (random.nextInt(3)) {
          case 0 -> "";
          case 1 -> word.repeat(1 + random.nextInt(3));
          default -> new String(new char[] {(char) random.nextInt(256)});
        };
    return text.substring(0, from) + put + text.substring(to);
  }

  private static byte[] image(String format) throws IOException {
    BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
    Random random = new Random(1);
    for (int i = 0; i < 64; i++) {
      image.setRGB(i % 8, i / 8, random.nextInt(1 << 24));
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.write(image, format, out);
    return out.toByteArray();
  }
}
