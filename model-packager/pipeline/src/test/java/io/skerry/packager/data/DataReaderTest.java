package io.skerry.packager.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.imageio.ImageIO;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataReaderTest {
  private static final TensorSpec THREE = new TensorSpec("x", ElementType.FP32, List.of(-1L, 3L));
  private static final TensorSpec PIXELS =
      new TensorSpec("x", ElementType.FP32, List.of(-1L, 2L, 2L, 3L));
  private static final TensorSpec PLANES =
      new TensorSpec("x", ElementType.FP32, List.of(-1L, 3L, 2L, 2L));

  @TempDir private Path folder;

  @Test
  void readsNpz() throws Exception {
    Path file = folder.resolve("data.npz");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      put(zip, "x.npy", NpyArray.ofFloats(new float[] {1, 2, 3, 4, 5, 6}, 2, 3));
      put(zip, "y.npy", NpyArray.ofLongs(new long[] {0, 1}, 2));
    }

    Dataset data = DataReader.read(file, THREE, 10);

    assertThat(data.samples().count()).isEqualTo(2);
    assertThat(data.samples().at(1, 2)).isEqualTo(6);
    assertThat(data.labels().orElseThrow().longs()).containsExactly(0, 1);
  }

  @Test
  void readsCsvWithAndWithoutHeader() throws Exception {
    Dataset named = read("a.csv", "a,b,label,c\n1,2,0,3\n4,,1,6\n");
    Dataset bare = read("b.csv", "1,2,3\n4,5,6\n");

    assertThat(named.samples().at(0, 2)).isEqualTo(3);
    assertThat(named.samples().at(1, 1)).isNaN();
    assertThat(named.labels().orElseThrow().floats()).containsExactly(0, 1);
    assertThat(bare.samples().count()).isEqualTo(2);
    assertThat(bare.labels()).isEmpty();
  }

  /** As R writes them. */
  @Test
  void readsHeadersInQuotes() throws Exception {
    Dataset data = read("quoted.csv", "\"a\",\"b\",\"Label\",\"c\"\n1,2,7,3\n");

    assertThat(row(data, 0)).containsExactly(1, 2, 3);
    assertThat(data.labels()).isPresent();
  }

  @Test
  void keepsAFirstItemThatLacksValues() throws Exception {
    assertThat(row(read("c.csv", ",2,3\n4,5,6\n"), 0)).containsExactly(Float.NaN, 2, 3);
    assertThat(row(read("d.csv", "1,,3\n4,5,6\n"), 0)).containsExactly(1, Float.NaN, 3);
    assertThat(row(read("e.csv", ",0,1\n4,5,6\n"), 0)).containsExactly(4, 5, 6);
    assertThat(row(read("f.csv", ",b,\n4,5,6\n"), 0)).containsExactly(4, 5, 6);
  }

  @Test
  void readsParquet() throws Exception {
    Path file = folder.resolve("data.parquet");
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "copy (select 1.5::float as a, [2, 3]::float[] as b, 1 as target union all"
              + " select 4, [5, 6]::float[], 0) to '%s' (format parquet)".formatted(file));
    }

    Dataset data = DataReader.read(file, THREE, 10);

    assertThat(data.samples().at(0, 0)).isEqualTo(1.5f);
    assertThat(data.samples().at(1, 2)).isEqualTo(6);
    assertThat(data.labels().orElseThrow().floats()).containsExactly(1, 0);
  }

  @Test
  void readsImagesOfAFolderAndOfAnArchiveAlike() throws Exception {
    byte[] red = png(2, 2, 0xff0000);
    byte[] blue = png(2, 2, 0x0000ff);
    Path images = Files.createDirectories(folder.resolve("images"));
    Files.createDirectories(images.resolve("warm"));
    Files.createDirectories(images.resolve("cold"));
    Files.write(images.resolve("warm/1.png"), red);
    Files.write(images.resolve("cold/2.png"), blue);
    Path archive = folder.resolve("images.tar.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(archive));
        TarArchiveOutputStream tar = new TarArchiveOutputStream(out)) {
      put(tar, "test/warm/1.png", red);
      put(tar, "test/cold/2.png", blue);
    }

    for (Path source : List.of(images, archive, appended(red, blue))) {
      Dataset pixels = DataReader.read(source, PIXELS, 10);
      Dataset planes = DataReader.read(source, PLANES, 10);

      assertThat(pixels.labels().orElseThrow().floats()).containsExactly(0, 1);
      assertThat(row(pixels, 1)).startsWith(255f, 0f, 0f, 255f);
      assertThat(row(planes, 1)).startsWith(255f, 255f, 255f, 255f, 0f);
      assertThat(row(planes, 0)).endsWith(0f, 255f, 255f, 255f, 255f);
    }
  }

  @Test
  void followsLinksToFoldersAndFilesOfImages() throws Exception {
    Path elsewhere = Files.createDirectories(folder.resolve("elsewhere/warm"));
    Files.write(elsewhere.resolve("1.png"), png(2, 2, 0xff0000));
    Path images = Files.createDirectories(folder.resolve("images"));
    Files.createSymbolicLink(images.resolve("cold"), elsewhere);
    Files.createDirectories(images.resolve("warm"));
    Files.createSymbolicLink(images.resolve("warm/2.png"), elsewhere.resolve("1.png"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), images);

    Dataset data = DataReader.read(link, PIXELS, 10);

    assertThat(data.samples().classes()).containsExactly("cold", "warm");
    assertThat(data.samples().count()).isEqualTo(2);
  }

  @Test
  void refusesLinksThatLeadInACircle() throws Exception {
    Path images = Files.createDirectories(folder.resolve("images"));
    Path warm = Files.createDirectories(images.resolve("warm"));
    Files.write(warm.resolve("1.png"), png(2, 2, 0xff0000));
    Path loop = Files.createSymbolicLink(warm.resolve("all"), images);

    assertThatThrownBy(() -> DataReader.read(images, PIXELS, 10))
        .isInstanceOf(DataRefusedException.class)
        .hasMessageContainingAll(loop.toString(), "leads back", "remove it");
  }

  @Test
  void readsGrayImagesAsTheirFilesStoreThem() throws Exception {
    TensorSpec one = new TensorSpec("x", ElementType.FP32, List.of(-1L, 8L, 8L, 1L));
    TensorSpec three = new TensorSpec("x", ElementType.FP32, List.of(-1L, 3L, 8L, 8L));
    Path images = Files.createDirectories(folder.resolve("images/gray"));

    for (String format : List.of("png", "jpg")) {
      Path file = images.resolve("1." + format);
      Files.write(file, gray(BufferedImage.TYPE_BYTE_GRAY, 128, format));
      for (TensorSpec input : List.of(one, three)) {
        float[] row = row(DataReader.read(folder.resolve("images"), input, 10), 0);

        assertThat(row).as("%s as %s", format, input).containsOnly(128);
      }
      Files.delete(file);
    }
  }

  @Test
  void readsGrayImagesOf16BitsInStepsOf8() throws Exception {
    TensorSpec one = new TensorSpec("x", ElementType.FP32, List.of(-1L, 1L, 8L, 8L));
    Path images = Files.createDirectories(folder.resolve("images/gray"));
    Files.write(images.resolve("1.png"), gray(BufferedImage.TYPE_USHORT_GRAY, 128 * 257, "png"));

    float[] row = row(DataReader.read(folder.resolve("images"), one, 10), 0);

    assertThat(row).containsOnly(128);
  }

  private static byte[] gray(int type, int value, String format) throws IOException {
    BufferedImage image = new BufferedImage(8, 8, type);
    for (int i = 0; i < 64; i++) {
      image.getRaster().setSample(i % 8, i / 8, 0, value);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.write(image, format, out);
    return out.toByteArray();
  }

  /** An archive to which a file was added once more: the last one is what a reader finds there. */
  private Path appended(byte[] red, byte[] blue) throws IOException {
    Path archive = folder.resolve("appended.tar.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(archive));
        TarArchiveOutputStream tar = new TarArchiveOutputStream(out)) {
      put(tar, "test/warm/1.png", blue);
      put(tar, "test/cold/2.png", blue);
      put(tar, "test/warm/1.png", red);
    }
    return archive;
  }

  @Test
  void readsRawTensorsAsTheirDescriptionSays() throws Exception {
    Path raw = raw("dtype: int8\nshape: [3]\nscale: 0.5\nzeroPoint: 2\nlabels: y.csv\n");
    TensorSpec integers = new TensorSpec("x", ElementType.INT8, List.of(-1L, 3L));

    Dataset floats = DataReader.read(raw, THREE, 10);
    Dataset stored = DataReader.read(raw, integers, 10);

    assertThat(row(floats, 0)).containsExactly(-0.5f, 0f, 0.5f);
    assertThat(stored.samples().at(0, 2)).isEqualTo(3);
    assertThat(floats.labels().orElseThrow().floats()).containsExactly(4, 0);
  }

  @Test
  void makesFloatsOfWholeNumbers() throws Exception {
    byte[] bytes = {1, 2, 3, -4, 5, 127};
    Path npy = folder.resolve("bytes.npy");
    NpyArray.ofBytes(bytes, 2, 3).write(npy);
    Path npz = folder.resolve("longs.npz");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(npz))) {
      put(zip, "x.npy", NpyArray.ofLongs(new long[] {1, 2, 3, -4, 5, 127}, 2, 3));
      put(zip, "y.npy", NpyArray.ofBytes(new byte[] {1, 0}, 2));
    }
    TensorSpec integers = new TensorSpec("x", ElementType.INT8, List.of(-1L, 3L));

    for (Path file : List.of(npy, npz)) {
      Dataset data = DataReader.read(file, THREE, 10);

      assertThat(data.samples().type()).isEqualTo(ElementType.FP32);
      assertThat(row(data, 1)).containsExactly(-4, 5, 127);
    }
    assertThat(DataReader.read(npy, integers, 10).samples().type()).isEqualTo(ElementType.INT8);
    refused(npz, integers, "longs.npz", "INT64");
    NpyArray.ofInts(new int[] {0, 1, (1 << 24) + 1}, 1, 3).write(npy);
    refused(npy, THREE, "bytes.npy", "16777217", "write inputs as floats");
  }

  @Test
  void refusesDimensionsInAnotherOrder() throws Exception {
    Path file = folder.resolve("order.npy");
    float[] values = new float[2 * 12];

    NpyArray.ofFloats(values, 2, 2, 2, 3).write(file);
    refused(file, PLANES, "order.npy", "[2, 2, 3]", "'x' takes [3, 2, 2]", "(0, 3, 1, 2)", "NCHW");
    NpyArray.ofFloats(values, 2, 3, 2, 2).write(file);
    refused(file, PIXELS, "order.npy", "[3, 2, 2]", "[2, 2, 3]", "(0, 2, 3, 1)", "NHWC");
    NpyArray.ofFloats(values, 2, 4, 3).write(file);
    TensorSpec windows = new TensorSpec("x", ElementType.FP32, List.of(-1L, 3L, 4L));
    refused(file, windows, "order.npy", "[4, 3]", "[3, 4]", "transpose it with (0, 2, 1),");
    NpyArray.ofFloats(values, 2, 6, 2, 1).write(file);
    refused(file, PLANES, "order.npy", "[6, 2, 1]", "[3, 2, 2]", "give that shape");
    Path raw = raw("");
    Files.write(raw.resolve("a.bin"), new byte[6]);
    Files.write(raw.resolve("b.bin"), new byte[6]);
    Files.writeString(raw.resolve("data.yaml"), "format: raw\ndtype: int8\nshape: [3, 2]\n");
    TensorSpec turned = new TensorSpec("x", ElementType.FP32, List.of(-1L, 2L, 3L));
    refused(raw, turned, "data.yaml", "[3, 2]", "[2, 3]", "transpose it with (0, 2, 1)");
  }

  @Test
  void takesItemsOfTheSameOrderInOtherDimensions() throws Exception {
    Path file = folder.resolve("flat.npy");
    float[] values = new float[2 * 12];
    TensorSpec grey = new TensorSpec("x", ElementType.FP32, List.of(-1L, 1L, 4L, 3L));

    for (int[] shape : new int[][] {{2, 12}, {2, 3, 4}, {2, 3, 2, 2}}) {
      NpyArray.ofFloats(values, shape).write(file);
      assertThat(DataReader.read(file, PLANES, 10).samples().count()).isEqualTo(2);
    }
    NpyArray.ofFloats(values, 2, 4, 3, 1).write(file);
    assertThat(DataReader.read(file, grey, 10).samples().count()).isEqualTo(2);
    Path raw = raw("dtype: int8\nshape: [1, 3]\n");
    TensorSpec lying = new TensorSpec("x", ElementType.FP32, List.of(-1L, 3L, 1L));
    assertThat(DataReader.read(raw, lying, 10).samples().count()).isEqualTo(2);
  }

  @Test
  void takesAsManyAsWantedEvenlySpread() throws Exception {
    Dataset data = DataReader.read(npy(6), THREE, 3);

    assertThat(data.samples().count()).isEqualTo(3);
    assertThat(data.samples().at(1, 0)).isEqualTo(2);
  }

  @Test
  void takesTheSameItemsOfEveryFormAndHoldsNoOthers() throws Exception {
    float[] values = new float[7 * 3];
    long[] labels = new long[7];
    StringBuilder csv = new StringBuilder("a,b,c,label\n");
    for (int item = 0; item < 7; item++) {
      labels[item] = item % 2;
      for (int i = 0; i < 3; i++) {
        values[item * 3 + i] = 10 * item + i;
        csv.append(10 * item + i).append(',');
      }
      csv.append(item % 2).append("\r\n\n");
    }
    Path npz = folder.resolve("seven.npz");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(npz))) {
      put(zip, "x.npy", NpyArray.ofFloats(values, 7, 3));
      put(zip, "y.npy", NpyArray.ofLongs(labels, 7));
    }
    Path npy = folder.resolve("seven.npy");
    NpyArray.ofFloats(values, 7, 3).write(npy);
    Path parquet = folder.resolve("seven.parquet");
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement()) {
      statement.execute(
          ("copy (select 10 * i as a, 10 * i + 1 as b, 10 * i + 2 as c, i %% 2 as label"
                  + " from range(7) t(i) order by i) to '%s' (format parquet)")
              .formatted(parquet));
    }

    for (Path file : List.of(npy, npz, csv("seven.csv", csv.toString()), parquet)) {
      Dataset data = DataReader.read(file, THREE, 3);

      assertThat(data.samples().count()).as(file.toString()).isEqualTo(3);
      assertThat(row(data, 0)).containsExactly(0, 1, 2);
      assertThat(row(data, 1)).containsExactly(20, 21, 22);
      assertThat(row(data, 2)).containsExactly(40, 41, 42);
      assertThat(data.labels().map(NpyArray::length).orElse(3)).isEqualTo(3);
    }
  }

  @Test
  void readsFewItemsOfAFileThatIsLargerThanMemory() throws Exception {
    Path file = npy(2);
    byte[] header = Arrays.copyOf(Files.readAllBytes(file), 128);
    String text = new String(header, StandardCharsets.ISO_8859_1);
    int items = 1_000_000_000;
    String larger = text.replace("(2, 3), }         ", "(" + items + ", 3), }");
    Files.write(file, larger.getBytes(StandardCharsets.ISO_8859_1));
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(larger.length() + items * 12L);
    }

    Dataset data = DataReader.read(file, THREE, 5);

    assertThat(data.samples().count()).isEqualTo(5);
  }

  @Test
  void refusesImagesByTheirHeadersBeforeDecodingThem() throws Exception {
    Path images = Files.createDirectories(folder.resolve("bomb/a"));
    byte[] small = png(2, 2, 0);
    // 40,000 x 40,000 pixels, says the header: six gigabytes, decoded.
    for (int at : new int[] {16, 20}) {
      small[at + 2] = (byte) 0x9c;
      small[at + 3] = 0x40;
    }
    CRC32 sum = new CRC32();
    sum.update(small, 12, 17);
    for (int i = 0; i < 4; i++) {
      small[29 + i] = (byte) (sum.getValue() >> (24 - 8 * i));
    }
    Files.write(images.resolve("1.png"), small);

    refused(folder.resolve("bomb"), PIXELS, "1.png", "40000 x 40000 pixels");
  }

  @Test
  void namesTheClassesOfFolders() throws Exception {
    for (String name : List.of("warm", "cold")) {
      Path images = Files.createDirectories(folder.resolve("named").resolve(name));
      Files.write(images.resolve("1.png"), png(2, 2, 0));
    }

    Samples items = DataReader.read(folder.resolve("named"), PIXELS, 10).samples();

    assertThat(items.classes()).containsExactly("cold", "warm");
    assertThat(items.chosen(1).classes()).containsExactly("cold", "warm");
  }

  @Test
  void saysWhatIsWrongWithEachForm() throws Exception {
    Path strange = Files.writeString(folder.resolve("data.txt"), "1");
    Path none = Files.createDirectories(folder.resolve("none"));
    Path wide = Files.createDirectories(folder.resolve("wide/a"));
    Files.write(wide.resolve("1.png"), png(3, 2, 0));
    Path text = Files.createDirectories(folder.resolve("text/a"));
    Files.writeString(text.resolve("1.png"), "no image");
    Path damaged = Files.createDirectories(folder.resolve("damaged/a"));
    byte[] unzippable = png(2, 2, 0);
    Arrays.fill(unzippable, 41, 43, (byte) 0xff);
    Files.write(damaged.resolve("1.png"), unzippable);
    Path broken = Files.writeString(folder.resolve("broken.npz"), "PK");
    Path archive = Files.writeString(folder.resolve("broken.tar.gz"), "no gzip");
    Path parquet = Files.writeString(folder.resolve("broken.parquet"), "no parquet");

    refused(folder.resolve("absent.npy"), THREE, "absent.npy", "no such file");
    refused(strange, THREE, "data.txt", "convert it");
    refused(none, PIXELS, "none", "one folder per class");
    refused(none, THREE, "none", "holds no items");
    Path empty = Files.createFile(folder.resolve("empty.tar.gz"));
    refused(empty, PIXELS, "empty.tar.gz", "empty or cut off", "write it again");
    refused(folder.resolve("wide"), PIXELS, "1.png", "3 x 2 pixels", "resize");
    refused(folder.resolve("text"), PIXELS, "1.png", "no image");
    refused(folder.resolve("damaged"), PIXELS, "1.png", "cannot be decoded", "save it again");
    refused(broken, THREE, "broken.npz", "unreadable");
    refused(archive, PIXELS, "broken.tar.gz", "unreadable");
    refused(parquet, THREE, "broken.parquet", "unreadable");
    refused(folder.resolve("text"), THREE, "text", "do not fit the model's input", "give arrays");
    refused(csv("c.csv", ""), THREE, "c.csv", "empty");
    refused(csv("d.csv", "1,2,3\n1,x,3\n"), THREE, "d.csv", "line 2, column 2", "'x'");
    refused(csv("e.csv", "1,2,3\n1,2\n"), THREE, "e.csv", "line 2 has 2 values");
    refused(csv("f.csv", "1,2\n"), THREE, "f.csv", "3");
    refused(npy(0), THREE, "data.npy", "holds no items", "give [items, ...]");
  }

  @Test
  void saysWhatIsWrongWithADescription() throws Exception {
    refused(raw("dtype: int4\nshape: [3]\n"), THREE, "data.yaml", "int4");
    refused(raw("dtype: int8\nshape: [4]\n"), THREE, "a.bin", "3 bytes", "says 4");
    refused(raw("dtype: int8\nshape: none\n"), THREE, "data.yaml", "shape");
    refused(
        raw("dtype: int8\nshape: [3]\n"),
        new TensorSpec("x", ElementType.FP32, List.of(-1L, 4L)),
        "data.yaml",
        "says shape [3], 3 values, where the model's input 'x' has 4",
        "as this model takes them");
    refused(raw("dtype: int8\nshape: [3]\nscael: 1\n"), THREE, "data.yaml", "'scael'");
    refused(raw("dtype: int8\nshape: [3]\nlabels: ../y.csv\n"), THREE, "data.yaml", "outside");
    refused(raw("dtype: int8\nshape: [3]\nscale: x\n"), THREE, "data.yaml", "scale 'x'");
    refused(raw("\tno yaml"), THREE, "data.yaml", "no YAML");
    refused(raw("shape: " + "[".repeat(60_000)), THREE, "data.yaml", "nested");
    refused(raw("dtype: int8\nshape: [3]\nlabels: \"\\0\"\n"), THREE, "data.yaml", "outside");
  }

  @Test
  void refusesADescriptionWithoutTensors() throws Exception {
    Path raw = raw("dtype: int8\nshape: [3]\n");
    Files.delete(raw.resolve("a.bin"));
    Files.delete(raw.resolve("b.bin"));

    refused(raw, THREE, "raw", "holds no items", ".bin");
  }

  @Test
  void saysWhatIsWrongWithLabelsOfRawTensors() throws Exception {
    for (String line : List.of(",", "a.bin", "c.bin,5,1", "\0,5,1", "../raw,5,1", "./,5,1")) {
      Path raw = raw("dtype: int8\nshape: [3]\nlabels: y.csv\n");
      Files.writeString(raw.resolve("y.csv"), "a.bin,5,1\n" + line + "\n");

      refused(raw, THREE, "y.csv", "line 2", "names no file of the folder");
    }
  }

  /** Nothing of that size is allocated before a file is seen to have it. */
  @Test
  void refusesShapesThatNoFileHas() throws Exception {
    refused(raw("dtype: float32\nshape: [268435456]\n"), THREE, "a.bin", "says 1073741824");
    refused(raw("dtype: float32\nshape: [1024, 1024, 200]\n"), THREE, "a.bin", "says 838860800");
    refused(raw("dtype: int8\nshape: [3]\n"), PIXELS, "data.yaml", "shape [3]", "has 12");
  }

  private static void refused(Path path, TensorSpec input, String... parts) {
    assertThatThrownBy(() -> DataReader.read(path, input, 10))
        .isInstanceOf(DataRefusedException.class)
        .hasMessageContainingAll(parts)
        .hasMessageNotContaining("\n");
  }

  private Dataset read(String name, String text) throws IOException {
    return DataReader.read(csv(name, text), THREE, 10);
  }

  private Path csv(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  private Path npy(int items) throws IOException {
    float[] values = new float[items * 3];
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.floorDiv(i, 3);
    }
    Path file = folder.resolve("data.npy");
    NpyArray.ofFloats(values, items, 3).write(file);
    return file;
  }

  private Path raw(String description) throws IOException {
    Path raw = Files.createTempDirectory(folder, "raw");
    Files.writeString(raw.resolve("data.yaml"), "format: raw\n" + description);
    Files.write(raw.resolve("a.bin"), new byte[] {1, 2, 3});
    Files.write(raw.resolve("b.bin"), new byte[] {3, 2, 1});
    Files.writeString(raw.resolve("y.csv"), "b.bin,5,0\na.bin,5,4\n");
    return raw;
  }

  private static float[] row(Dataset data, int item) {
    float[] row = new float[data.samples().itemElements()];
    for (int i = 0; i < row.length; i++) {
      row[i] = data.samples().at(item, i);
    }
    return row;
  }

  private void put(ZipOutputStream zip, String name, NpyArray array) throws IOException {
    Path part = folder.resolve("part.npy");
    array.write(part);
    zip.putNextEntry(new ZipEntry(name));
    zip.write(Files.readAllBytes(part));
    zip.closeEntry();
  }

  private static void put(TarArchiveOutputStream tar, String name, byte[] content)
      throws IOException {
    TarArchiveEntry entry = new TarArchiveEntry(name);
    entry.setSize(content.length);
    tar.putArchiveEntry(entry);
    tar.write(content);
    tar.closeArchiveEntry();
  }

  private static byte[] png(int width, int height, int colour) throws IOException {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < width * height; i++) {
      image.setRGB(i % width, i / width, colour);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.write(image, "png", out);
    return out.toByteArray();
  }
}
