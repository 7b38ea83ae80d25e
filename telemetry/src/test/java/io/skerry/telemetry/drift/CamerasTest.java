package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.signal.Elements;
import io.skerry.telemetry.signal.Meter;
import io.skerry.telemetry.signal.Signal;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringManifests.Feature;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a camera does to the whole image is seen in its scalars, and hardly in single elements. */
class CamerasTest {
  private static final ModelVersion VERSION = ModelVersion.parse("watched@1");
  private static final int SIDE = 16;
  private static final int SCENES = 200;
  private static final int DEVICES = 45;
  private static final int PREDICTIONS = 25;
  private static final int WINDOWS = 40;
  private static final int SHIFTED_FROM = 30;
  private static final int ELEMENTS = 64;
  private static final Cohort SITE = new Cohort("site", "b");
  private static final Signal.Image IMAGE =
      new Signal.Image(SIDE, SIDE, 3, false, List.of(0f), List.of(1f));

  @ParameterizedTest
  @CsvSource({
    "1, .85, 0, image.brightness",
    "2, .85, 0, image.brightness",
    "1, 1, .25, image.sharpness",
    "2, 1, .25, image.sharpness"
  })
  void namesWhatACameraLost(long seed, float light, float blur, String scalar) throws Exception {
    List<DriftFinding> scalars = judged(new Fleet(seed, true), light, blur);
    List<DriftFinding> elements = judged(new Fleet(seed, false), light, blur);

    assertThat(scalars).hasSize(1);
    assertThat(scalars.getFirst().cohort()).isEqualTo(SITE);
    assertThat(scalars.getFirst().feature()).isEqualTo(scalar);
    assertThat(scalars.getFirst().window()).isBetween((long) SHIFTED_FROM, SHIFTED_FROM + 6L);
    // Thirteen times as many elements find it later, and name a place or nothing.
    assertThat(elements)
        .allSatisfy(
            found -> {
              assertThat(found.window()).isGreaterThan(scalars.getFirst().window());
              assertThat(found.feature()).matches("x\\[\\d+]|\\$spe|\\$t2");
            });
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void opensNothingWhereCamerasStayAsTheyAre(long seed) throws Exception {
    assertThat(judged(new Fleet(seed, true), 1, 0)).isEmpty();
  }

  private static List<DriftFinding> judged(Fleet fleet, float light, float blur) throws Exception {
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(VERSION, MonitoredStreams.of(fleet.manifest));
    List<DriftFinding> findings = new ArrayList<>();
    for (long window = 0; window < WINDOWS; window++) {
      boolean moved = window >= SHIFTED_FROM;
      ledger
          .judge(window, fleet.window(moved ? light : 1, moved ? blur : 0))
          .found()
          .ifPresent(findings::add);
    }
    return findings;
  }

  /** Cameras of three sites, each a little lighter or darker and sharper than others. */
  private static final class Fleet {
    private final boolean scalars;
    private final Random random;
    private final MonitoringManifest manifest;
    private final float[][] sharp = new float[SCENES][];
    private final float[][] smooth = new float[SCENES][];
    private final float[] exposure = new float[DEVICES];
    private final float[] focus = new float[DEVICES];
    private final float[] pixels = new float[IMAGE.elements()];
    private final ByteBuffer bytes =
        ByteBuffer.allocate(IMAGE.elements() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private final Meter meter = IMAGE.meter();

    Fleet(long seed, boolean scalars) {
      this.scalars = scalars;
      this.random = new Random(seed);
      for (int scene = 0; scene < SCENES; scene++) {
        sharp[scene] = scene();
        smooth[scene] = smooth(sharp[scene]);
      }
      for (int device = 0; device < DEVICES; device++) {
        exposure[device] = 1 + .05f * (float) random.nextGaussian();
        focus[device] = .2f * random.nextFloat();
      }
      List<Feature> features = new ArrayList<>();
      if (scalars) {
        IMAGE.scalars().forEach(scalar -> features.add(Feature.of(scalar)));
      } else {
        for (int i = 0; i < ELEMENTS; i++) {
          int offset = i * IMAGE.elements() / ELEMENTS;
          features.add(new Feature("x[%d]".formatted(offset), offset));
        }
      }
      float[][] rows = new float[2000][features.size()];
      float[] scores = new float[rows.length];
      for (int row = 0; row < rows.length; row++) {
        look(row % DEVICES, 1, 0, rows[row]);
        scores[row] = random.nextFloat();
      }
      MonitoringManifest plain =
          MonitoringManifests.fromReference("x", features, rows, "y", scores, .5);
      manifest = scalars ? MonitoringManifests.ofSignal(plain, IMAGE) : plain;
    }

    // Patches of light and colour, and what is fine in them.
    private float[] scene() {
      float[][] patches = new float[16][3];
      float light = .4f + .04f * (float) random.nextGaussian();
      for (float[] patch : patches) {
        float own = light * (.4f + 1.2f * random.nextFloat());
        for (int c = 0; c < 3; c++) {
          patch[c] = own * (.8f + .4f * random.nextFloat());
        }
      }
      float[] scene = new float[IMAGE.elements()];
      for (int at = 0; at < SIDE * SIDE; at++) {
        float fine = 1 + .15f * (float) random.nextGaussian();
        float[] patch = patches[at / SIDE * 4 / SIDE * 4 + at % SIDE * 4 / SIDE];
        for (int c = 0; c < 3; c++) {
          scene[at * 3 + c] = Math.clamp(patch[c] * fine, 0f, 1f);
        }
      }
      return scene;
    }

    private static float[] smooth(float[] sharp) {
      float[] smooth = new float[sharp.length];
      for (int at = 0; at < sharp.length; at++) {
        int row = at / 3 / SIDE;
        int column = at / 3 % SIDE;
        for (int near = 0; near < 9; near++) {
          int y = Math.clamp(row + near / 3 - 1, 0, SIDE - 1);
          int x = Math.clamp(column + near % 3 - 1, 0, SIDE - 1);
          smooth[at] += sharp[(y * SIDE + x) * 3 + at % 3] / 9;
        }
      }
      return smooth;
    }

    private void look(int device, float light, float blur, float[] view) {
      int scene = random.nextInt(SCENES);
      float gain = light * exposure[device] * (1 + .03f * (float) random.nextGaussian());
      float soft = Math.min(1, blur + focus[device]);
      for (int i = 0; i < pixels.length; i++) {
        float seen = sharp[scene][i] + soft * (smooth[scene][i] - sharp[scene][i]);
        pixels[i] = Math.min(1, gain * seen);
      }
      if (scalars) {
        bytes.asFloatBuffer().put(pixels);
        meter.measure(bytes, 0, Elements.FLOATS, view);
      } else {
        for (int i = 0; i < ELEMENTS; i++) {
          view[i] = pixels[i * IMAGE.elements() / ELEMENTS];
        }
      }
    }

    List<DeviceWindow> window(float light, float blur) throws MalformedDocumentException {
      MonitoringPlan plan = MonitoringPlan.of(manifest);
      List<DeviceWindow> windows = new ArrayList<>();
      float[] view = new float[plan.featureCount()];
      for (int device = 0; device < DEVICES; device++) {
        Map<String, String> of = Map.of("site", List.of("a", "b", "c").get(device % 3));
        boolean moved = SITE.holds(of);
        WindowSketch sketch = new WindowSketch(plan);
        for (int i = 0; i < PREDICTIONS; i++) {
          look(device, moved ? light : 1, moved ? blur : 0, view);
          sketch.observe(view, .5f, 1, 100);
        }
        windows.add(
            new DeviceWindow(
                new DeviceId("camera-%02d".formatted(device)), of, VERSION, sketch.counts()));
      }
      return windows;
    }
  }
}
