package io.skerry.packager.data;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.npy.NpyArray;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Images, a folder per class: the classes are the folders' names in order, from 0. Values are 0 to
 * 255, red first, laid out as the model's input is.
 */
final class ImageFiles {
  private static final List<String> ENDINGS = List.of(".jpg", ".jpeg", ".png", ".bmp");

  /** Warnings of the JPEG reader that pixels are not those that were saved. */
  private static final Pattern LACKING =
      Pattern.compile("truncated|premature|bad huffman", Pattern.CASE_INSENSITIVE);

  private final Path source;
  private final int channels;
  private final int height;
  private final int width;
  private final boolean channelsLast;

  private ImageFiles(Path source, TensorSpec input) {
    this.source = source;
    List<Long> shape = input.shape();
    boolean last = shape.size() == 4 && isColours(shape.get(3));
    if (shape.size() != 4 || !(last || isColours(shape.get(1)))) {
      throw new DataRefusedException(
          "%s: images do not fit the model's input '%s' of shape %s: give arrays"
              .formatted(source, input.name(), shape));
    }
    DataReader.requireFloats(source, input, "images");
    this.channelsLast = last;
    this.channels = Math.toIntExact(shape.get(last ? 3 : 1));
    this.height = Math.toIntExact(shape.get(last ? 1 : 2));
    this.width = Math.toIntExact(shape.get(last ? 2 : 3));
  }

  private static boolean isColours(long size) {
    return size == 1 || size == 3;
  }

  static Dataset read(Path source, FileTree files, TensorSpec input, int itemsMax)
      throws IOException {
    // Looked at first: where there are none, nobody meant to give images.
    List<String> names = files.names(ImageFiles::isImage);
    if (names.isEmpty()) {
      throw new DataRefusedException(
          "%s: holds no items: give images (%s) in one folder per class, or tensors with a data.yaml"
              .formatted(source, String.join(", ", ENDINGS)));
    }
    return new ImageFiles(source, input).read(files, names, itemsMax);
  }

  private Dataset read(FileTree files, List<String> names, int itemsMax) throws IOException {
    List<String> classes =
        List.copyOf(new TreeSet<>(names.stream().map(ImageFiles::folder).toList()));
    int[] chosen = Samples.spread(names.size(), itemsMax);
    int elements = channels * height * width;
    DataReader.checkSize(source, chosen.length, elements);
    Map<String, Integer> items = new HashMap<>();
    float[] labels = new float[chosen.length];
    for (int item = 0; item < chosen.length; item++) {
      String name = names.get(chosen[item]);
      items.put(name, item);
      labels[item] = classes.indexOf(folder(name));
    }
    return new Dataset(
        samples(files, items, elements).ofClasses(classes.size() < 2 ? List.of() : classes),
        classes.size() < 2
            ? Optional.empty()
            : Optional.of(NpyArray.ofFloats(labels, labels.length)));
  }

  private Samples samples(FileTree files, Map<String, Integer> numbers, int elements)
      throws IOException {
    try (ItemsFile items = ItemsFile.create(source.toString(), ElementType.FP32)) {
      files.read(
          numbers.keySet(),
          (name, content) ->
              items.put(
                  (long) numbers.getOrDefault(name, 0) * elements,
                  decode(name, content, elements)));
      return Samples.of(source.toString(), items, numbers.size(), elements);
    }
  }

  private static boolean isImage(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return ENDINGS.stream().anyMatch(lower::endsWith);
  }

  private static String folder(String name) {
    int end = name.lastIndexOf('/');
    return end < 0 ? "" : name.substring(name.lastIndexOf('/', end - 1) + 1, end);
  }

  private float[] decode(String name, byte[] content, int elements) throws IOException {
    BufferedImage image = image(name, content);
    return image.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_GRAY
        ? ofGray(image, elements)
        : ofColours(image, elements);
  }

  /** As stored: as colours, Java would brighten them, for it holds grays to be linear light. */
  private float[] ofGray(BufferedImage image, int elements) {
    float[] values = new float[elements];
    float white = (1 << image.getSampleModel().getSampleSize(0)) - 1;
    float[] grays = image.getRaster().getSamples(0, 0, width, height, 0, (float[]) null);
    for (int i = 0; i < grays.length; i++) {
      for (int c = 0; c < channels; c++) {
        values[index(i, c)] = grays[i] * 255 / white;
      }
    }
    return values;
  }

  private float[] ofColours(BufferedImage image, int elements) {
    float[] values = new float[elements];
    int[] pixels = image.getRGB(0, 0, width, height, null, 0, width);
    for (int i = 0; i < pixels.length; i++) {
      for (int c = 0; c < channels; c++) {
        values[index(i, c)] = channels == 1 ? luma(pixels[i]) : (pixels[i] >> (16 - 8 * c)) & 0xff;
      }
    }
    return values;
  }

  private int index(int pixel, int channel) {
    return channelsLast ? pixel * channels + channel : channel * height * width + pixel;
  }

  /** The image, decoded once its header says the right size: a small file may claim any. */
  private BufferedImage image(String name, byte[] content) throws IOException {
    if (PngChunks.isPng(content) && !PngChunks.areWhole(content)) {
      throw new DataRefusedException(undecodable(name, "it is cut off or changed"));
    }
    try (ImageInputStream in = new MemoryCacheImageInputStream(new ByteArrayInputStream(content))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
      if (!readers.hasNext()) {
        throw new DataRefusedException(
            "%s: '%s' is no image: remove it or save it again".formatted(source, name));
      }
      return image(name, readers.next(), in);
    }
  }

  private BufferedImage image(String name, ImageReader reader, ImageInputStream in) {
    try {
      reader.setInput(in, true, true);
      if (reader.getHeight(0) != height || reader.getWidth(0) != width) {
        throw new DataRefusedException(
            "%s: '%s' has %d x %d pixels, the model takes %d x %d: resize the images"
                .formatted(source, name, reader.getWidth(0), reader.getHeight(0), width, height));
      }
      List<String> warnings = new ArrayList<>();
      reader.addIIOReadWarningListener((from, warning) -> warnings.add(warning));
      BufferedImage image = reader.read(0);
      // Of a JPEG file that lacks data the reader makes some up, and warns.
      for (String warning : warnings) {
        if (LACKING.matcher(warning).find()) {
          throw new DataRefusedException(undecodable(name, warning));
        }
      }
      return image;
    } catch (DataRefusedException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // Of a damaged file these readers throw whatever its numbers lead to.
      throw new DataRefusedException(undecodable(name, String.valueOf(e.getMessage())), e);
    } finally {
      reader.dispose();
    }
  }

  private String undecodable(String name, String why) {
    return "%s: '%s' cannot be decoded (%s): remove it or save it again"
        .formatted(source, name, why.replaceAll("\\s+", " "));
  }

  /** Brightness as ITU-R BT.601 weighs the colours. */
  private static float luma(int pixel) {
    return 0.299f * ((pixel >> 16) & 0xff)
        + 0.587f * ((pixel >> 8) & 0xff)
        + 0.114f * (pixel & 0xff);
  }
}
