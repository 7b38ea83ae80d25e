package io.skerry.telemetry.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Devices behind one gateway share what disturbs them. */
class UnitsTest {
  private static final ModelVersion VERSION = ModelVersion.parse("watched@1");
  private static final int GATEWAYS = 48;
  private static final int DEVICES_EACH = 12;
  private static final int SITES = 4;
  private static final int WINDOWS = 120;
  private static final int SHIFTED_FROM = 60;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void countsGatewaysAndNotTheirDevicesAsWitnesses(long seed) throws MalformedDocumentException {
    assertThat(incidents(Optional.empty(), seed, 0)).isNotEmpty();
    assertThat(incidents(Optional.of("gateway"), seed, 0)).isEmpty();
  }

  @Test
  void findsWhatAllGatewaysOfASiteShare() throws MalformedDocumentException {
    List<DriftFinding> found = incidents(Optional.of("gateway"), 4, 1.5);

    assertThat(found).hasSize(1);
    assertThat(found.getFirst().cohort()).isEqualTo(new Cohort("site", "s1"));
    assertThat(found.getFirst().feature()).isEqualTo("f0");
  }

  @Test
  void nullReplayDealsWholeGateways() throws MalformedDocumentException {
    Fleet fleet = new Fleet(Optional.of("gateway"), 5);
    NullReplay replay = new NullReplay(DriftSettings.DEFAULTS, fleet.attributes, 2, 7);
    replay.register(VERSION, fleet.streams());
    for (long window = 0; window < WINDOWS; window++) {
      replay.judge(window, fleet.window(0));
    }

    assertThat(replay.result().incidents()).isZero();
  }

  private static List<DriftFinding> incidents(Optional<String> unit, long seed, double shift)
      throws MalformedDocumentException {
    Fleet fleet = new Fleet(unit, seed);
    DriftLedger ledger = new DriftLedger(DriftSettings.DEFAULTS);
    ledger.register(VERSION, fleet.streams());
    List<DriftFinding> findings = new ArrayList<>();
    for (long window = 0; window < WINDOWS; window++) {
      ledger
          .judge(window, fleet.window(window < SHIFTED_FROM ? 0 : shift))
          .found()
          .ifPresent(findings::add);
    }
    return findings;
  }

  /** Two features, standard normal; gateways move the first one, anew in each window. */
  private static final class Fleet {
    private final MonitoringManifest manifest;
    private final Random random;
    private final Map<String, Map<String, String>> attributes = new HashMap<>();

    Fleet(Optional<String> unit, long seed) {
      random = new Random(seed);
      float[][] rows = new float[2000][2];
      float[] scores = new float[rows.length];
      for (int i = 0; i < rows.length; i++) {
        rows[i][0] = (float) random.nextGaussian();
        rows[i][1] = (float) random.nextGaussian();
        scores[i] = .5f;
      }
      manifest =
          MonitoringManifests.fromReference(
                  "input",
                  List.of(
                      new MonitoringManifests.Feature("f0", 0),
                      new MonitoringManifests.Feature("f1", 1)),
                  rows,
                  "score",
                  scores,
                  .5)
              .toBuilder()
              .setUnit(unit.orElse(""))
              .build();
      for (int device = 0; device < GATEWAYS * DEVICES_EACH; device++) {
        int gateway = device / DEVICES_EACH;
        attributes.put(
            name(device), Map.of("gateway", "g" + gateway, "site", "s" + gateway % SITES));
      }
    }

    private static String name(int device) {
      return "device-%03d".formatted(device);
    }

    MonitoredStreams streams() throws MalformedDocumentException {
      return MonitoredStreams.of(manifest);
    }

    List<DeviceWindow> window(double shift) throws MalformedDocumentException {
      MonitoringPlan plan = MonitoringPlan.of(manifest);
      List<DeviceWindow> windows = new ArrayList<>();
      double shared = 0;
      for (int device = 0; device < GATEWAYS * DEVICES_EACH; device++) {
        Map<String, String> of = attributes.getOrDefault(name(device), Map.of());
        if (device % DEVICES_EACH == 0) {
          shared = random.nextGaussian() + ("s1".equals(of.get("site")) ? shift : 0);
        }
        WindowSketch sketch = new WindowSketch(plan);
        for (int i = 0; i < 10; i++) {
          float first = (float) (shared + .3 * random.nextGaussian());
          sketch.observe(new float[] {first, (float) random.nextGaussian()}, .5f, 1, 100);
        }
        windows.add(new DeviceWindow(new DeviceId(name(device)), of, VERSION, sketch.counts()));
      }
      return windows;
    }
  }
}
