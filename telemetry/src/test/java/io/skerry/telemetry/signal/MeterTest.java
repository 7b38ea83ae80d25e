package io.skerry.telemetry.signal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MeterTest {
  private static final int HEIGHT = 17;
  private static final int WIDTH = 23;

  /** Against the formulas, written down once more and without care for speed. */
  @ParameterizedTest
  @CsvSource({"17, 23, 3", "17, 23, 1", "9, 4, 4", "2, 5, 3", "1, 1, 1", "3, 3, 3"})
  void measuresAnImageAsTheFormulasSay(int height, int width, int channels) {
    Random random = new Random(height * 31L + channels);
    float[] pixels = new float[height * width * channels];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = random.nextInt(10) == 0 ? 255 : random.nextInt(256);
    }
    Signal.Image image = image(height, width, channels, false);
    double[][] light = new double[height][width];
    double sum = 0;
    double chroma = 0;
    double peaks = 0;
    int clipped = 0;
    for (int at = 0; at < height * width; at++) {
      double[] v = new double[channels];
      for (int c = 0; c < channels; c++) {
        v[c] = pixels[at * channels + c] / 255;
        clipped += v[c] == 0 || v[c] == 1 ? 1 : 0;
      }
      light[at / width][at % width] = Arrays.stream(v).sum() / channels;
      sum += light[at / width][at % width];
      chroma += Arrays.stream(v).max().orElse(0) - Arrays.stream(v).min().orElse(0);
      peaks += Arrays.stream(v).max().orElse(0);
    }
    double mean = sum / height / width;
    double variance = 0;
    double edges = 0;
    int inner = 0;
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        variance += Math.pow(light[y][x] - mean, 2) / height / width;
        if (y > 0 && x > 0 && y < height - 1 && x < width - 1) {
          double edge =
              light[y - 1][x]
                  + light[y + 1][x]
                  + light[y][x - 1]
                  + light[y][x + 1]
                  - 4 * light[y][x];
          edges += edge * edge;
          inner++;
        }
      }
    }

    float[] measured = measured(image, pixels);

    assertThat((double) measured[0]).isCloseTo(mean, within(1e-6));
    assertThat((double) measured[1]).isCloseTo(Math.sqrt(variance), within(1e-6));
    double sharpness = inner == 0 || variance == 0 ? 0 : Math.sqrt(edges / inner / variance);
    assertThat((double) measured[2]).isCloseTo(sharpness, within(1e-5));
    if (channels == 3) {
      assertThat((double) measured[3]).isCloseTo(chroma / peaks, within(1e-6));
    }
    assertThat(measured[image.scalars().size() - 1]).isEqualTo((float) clipped / pixels.length);
  }

  @Test
  void doesNotDependOnTheLayout() {
    float[] last = photo(1, 0);
    float[] first = new float[last.length];
    for (int at = 0; at < HEIGHT * WIDTH; at++) {
      for (int c = 0; c < 3; c++) {
        first[c * HEIGHT * WIDTH + at] = last[at * 3 + c];
      }
    }

    assertThat(measured(image(HEIGHT, WIDTH, 3, true), first))
        .containsExactly(measured(image(HEIGHT, WIDTH, 3, false), last));
  }

  @Test
  void measuresIntegersAsTheRealsThatTheyStandFor() {
    byte[] integers = new byte[HEIGHT * WIDTH * 3];
    new Random(5).nextBytes(integers);
    float scale = 1 / 255f;
    float[] reals = new float[integers.length];
    for (int i = 0; i < reals.length; i++) {
      reals[i] = (integers[i] + 128) * scale;
    }
    Signal.Image image = new Signal.Image(HEIGHT, WIDTH, 3, false, List.of(0f), List.of(1f));
    float[] measured = new float[5];

    image.meter().measure(ByteBuffer.wrap(integers), 0, Elements.ofIntegers(scale, -128), measured);

    assertThat(measured).containsExactly(measured(image, reals));
    assertThat(measured[4]).as("both ends of the integers are clipped").isPositive();
  }

  @Test
  void tellsLessLightFromABlurAndFromPaleColours() {
    float[] bright = measured(photo(1, 0));
    float[] dark = measured(photo(.5f, 0));
    float[] blurred = measured(photo(1, 1));

    assertThat(dark[0]).isCloseTo(bright[0] / 2, within(1e-6f));
    assertThat(dark[1]).isCloseTo(bright[1] / 2, within(1e-6f));
    assertThat(dark[2]).as("sharpness").isCloseTo(bright[2], within(1e-4f));
    assertThat(dark[3]).as("saturation").isCloseTo(bright[3], within(1e-5f));
    assertThat(blurred[0]).isCloseTo(bright[0], within(.02f));
    assertThat(blurred[2]).isLessThan(bright[2] / 2);
  }

  /** Normalised per channel, an image has the same scalars as before. */
  @Test
  void undoesWhatNormalisedTheInput() {
    float[] plain = photo(1, 0);
    float[] mean = {123.7f, 116.3f, 103.5f};
    float[] deviation = {58.4f, 57.1f, 57.4f};
    float[] normalised = new float[plain.length];
    for (int i = 0; i < plain.length; i++) {
      normalised[i] = (plain[i] - mean[i % 3]) / deviation[i % 3];
    }
    Float[] black = new Float[3];
    Float[] white = new Float[3];
    for (int c = 0; c < 3; c++) {
      black[c] = (0 - mean[c]) / deviation[c];
      white[c] = (255 - mean[c]) / deviation[c];
    }

    float[] measured =
        measured(
            new Signal.Image(HEIGHT, WIDTH, 3, false, List.of(black), List.of(white)), normalised);

    float[] expected = measured(plain);
    for (int i = 0; i < measured.length; i++) {
      assertThat(measured[i]).isCloseTo(expected[i], within(1e-4f));
    }
  }

  /** A night whose black is rounded: a little below 0 in one channel, above it in another. */
  @Test
  void keepsTheSaturationOfDarknessWithinItsRange() {
    float[] black = {-2.1179f, -2.0357f, -1.8044f};
    float[] rounded = {-2.118f, -2.0355f, -1.806f};
    float[] below = {-2.12f, -2.04f, -1.81f};
    Signal.Image image =
        new Signal.Image(
            HEIGHT,
            WIDTH,
            3,
            false,
            List.of(black[0], black[1], black[2]),
            List.of(2.2489f, 2.4286f, 2.64f));
    float[] night = new float[HEIGHT * WIDTH * 3];
    for (int i = 0; i < night.length; i++) {
      night[i] = rounded[i % 3];
    }
    assertThat(measured(image, night)[3]).isBetween(0f, 1f);

    for (int i = 0; i < night.length; i++) {
      night[i] = below[i % 3];
    }
    assertThat(measured(image, night)[3]).isEqualTo(0);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 200, HEIGHT * WIDTH * 3 - 1})
  void saysOfAnElementThatIsNoNumberWhatItIs(int at) {
    float[] pixels = photo(1, 0);

    pixels[at] = Float.NEGATIVE_INFINITY;
    assertThat(measured(pixels)).containsOnly(Float.POSITIVE_INFINITY);
    pixels[at] = Float.NaN;
    pixels[7] = Float.POSITIVE_INFINITY;
    assertThat(measured(pixels)).containsOnly(Float.NaN);
    assertThat(measured(photo(1, 0))[0]).as("nothing stays").isFinite();
  }

  @Test
  void saysNothingOfContrastOfOneColour() {
    float[] grey = new float[HEIGHT * WIDTH * 3];
    Arrays.fill(grey, 77.3f);

    float[] measured = measured(grey);

    assertThat(measured[0]).isCloseTo(77.3f / 255, within(1e-6f));
    assertThat(measured[1]).isCloseTo(0, within(1e-6f));
    assertThat(measured[2]).isEqualTo(0);
    assertThat(measured[3]).isEqualTo(0);
  }

  @Test
  void measuresASoundAsTheFormulasSay() {
    int samples = 16_000;
    float[] both = new float[samples * 2];
    for (int i = 0; i < samples; i++) {
      double second = (i + .5) / samples;
      both[2 * i] = (float) (.5 * Math.sin(2 * Math.PI * 440 * second));
      both[2 * i + 1] = (float) Math.clamp(2 * Math.sin(2 * Math.PI * 100 * second), -1, 1);
    }
    float[] channelsFirst = new float[both.length];
    for (int i = 0; i < both.length; i++) {
      channelsFirst[i % 2 * samples + i / 2] = both[i];
    }

    float[] measured = measured(new Signal.Waveform(samples, 2, false, 1), both);

    // 4 sin^2 where it is below 1, which is a third of the time, and 1 else.
    double cut = 2 / Math.PI * (Math.PI / 3 - Math.sqrt(3) / 2) + 2.0 / 3;
    assertThat((double) measured[0]).isCloseTo(Math.sqrt((.125 + cut) / 2), within(2e-3));
    assertThat(measured[1]).isCloseTo(0, within(1e-3f));
    assertThat((double) measured[2]).isCloseTo((2 * 440 + 2 * 100) / 2.0 / samples, within(2e-4));
    assertThat(measured[3]).isCloseTo(1f / 3, within(5e-3f));
    float[] planes = measured(new Signal.Waveform(samples, 2, true, 1), channelsFirst);
    for (int i = 0; i < planes.length; i++) {
      assertThat(planes[i]).isCloseTo(measured[i], within(1e-6f));
    }
  }

  @Test
  void measuresASpectrogramAsTheFormulasSay() {
    int frames = 40;
    int bands = 11;
    float[] framesFirst = new float[frames * bands];
    float[] bandsFirst = new float[frames * bands];
    for (int t = 0; t < frames; t++) {
      for (int b = 0; b < bands; b++) {
        float x = -30 - 20f * b / (bands - 1) + (t % 2 == 0 ? 3 : -3);
        framesFirst[t * bands + b] = x;
        bandsFirst[b * frames + t] = x;
      }
    }

    float[] measured = measured(new Signal.Spectrogram(frames, bands, false), framesFirst);

    assertThat(measured[0]).isCloseTo(-40, within(1e-4f));
    assertThat(measured[1]).isCloseTo((float) Math.sqrt(9 + 40), within(1e-4f));
    assertThat(measured[2])
        .as("20 less from the lowest to the highest")
        .isCloseTo(-20, within(1e-3f));
    assertThat(measured[3]).isCloseTo((float) (6 / Math.sqrt(49)), within(1e-4f));
    float[] other = measured(new Signal.Spectrogram(frames, bands, true), bandsFirst);
    for (int i = 0; i < other.length; i++) {
      assertThat(other[i]).isCloseTo(measured[i], within(1e-4f));
    }
  }

  @Test
  void allocatesNothing() {
    Signal.Image image = image(224, 224, 3, false);
    ByteBuffer data = bytes(new float[image.elements()]);
    Meter meter = image.meter();
    float[] into = new float[5];
    for (int i = 0; i < 200; i++) {
      meter.measure(data, 0, Elements.FLOATS, into);
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();

    for (int i = 0; i < 100; i++) {
      meter.measure(data, 0, Elements.FLOATS, into);
    }

    assertThat((threads.getCurrentThreadAllocatedBytes() - before) / 100).isLessThan(100);
  }

  private static Signal.Image image(int height, int width, int channels, boolean first) {
    return new Signal.Image(height, width, channels, first, List.of(0f), List.of(255f));
  }

  // Fine noise on a slope, in colours, each a little brighter than the last.
  private static float[] photo(float light, int blur) {
    Random random = new Random(3);
    float[] noise = new float[HEIGHT * WIDTH * 3];
    for (int i = 0; i < noise.length; i++) {
      noise[i] = (i % 3 + 1) * (20 + 30f * i / noise.length + 25 * random.nextFloat());
    }
    float[] photo = new float[noise.length];
    for (int y = 0; y < HEIGHT; y++) {
      for (int x = 0; x < WIDTH; x++) {
        for (int c = 0; c < 3; c++) {
          float sum = 0;
          int count = 0;
          for (int dy = -blur; dy <= blur; dy++) {
            for (int dx = -blur; dx <= blur; dx++) {
              int row = Math.clamp(y + dy, 0, HEIGHT - 1);
              int column = Math.clamp(x + dx, 0, WIDTH - 1);
              sum += noise[(row * WIDTH + column) * 3 + c];
              count++;
            }
          }
          photo[(y * WIDTH + x) * 3 + c] = light * sum / count;
        }
      }
    }
    return photo;
  }

  private static float[] measured(float... pixels) {
    return measured(image(HEIGHT, WIDTH, 3, false), pixels);
  }

  private static float[] measured(Signal signal, float... elements) {
    // Not the first item of its batch.
    float[] batch = new float[elements.length + 5];
    System.arraycopy(elements, 0, batch, 5, elements.length);
    float[] into = new float[signal.scalars().size()];
    signal.meter().measure(bytes(batch), 5, Elements.FLOATS, into);
    return into;
  }

  private static ByteBuffer bytes(float... elements) {
    ByteBuffer data =
        ByteBuffer.allocateDirect(elements.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(elements);
    return data;
  }
}
