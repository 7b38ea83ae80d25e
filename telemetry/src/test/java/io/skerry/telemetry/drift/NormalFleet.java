package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.fleet.v1.ModelRef;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntFunction;

/** Devices whose features are independent and standard normal, but for what a test does to them. */
final class NormalFleet {
  static final ModelVersion VERSION = ModelVersion.parse("watched@1");

  private final int devices;
  private final int features;
  private final int predictions;
  private final IntFunction<Map<String, String>> labels;
  private final MonitoringManifest manifest;
  private final Random random;

  /** What happens to a device's first feature in a window. */
  interface First {
    First NOTHING = (device, window) -> 0;

    /** What is added to it; NaN: every second value is missing. */
    double shift(int device, long window);
  }

  NormalFleet(
      int devices,
      int features,
      int predictions,
      IntFunction<Map<String, String>> labels,
      long seed) {
    this.devices = devices;
    this.features = features;
    this.predictions = predictions;
    this.labels = labels;
    this.random = new Random(seed);
    float[][] rows = new float[2000][features];
    float[] scores = new float[rows.length];
    List<MonitoringManifests.Feature> named = new ArrayList<>();
    for (int f = 0; f < features; f++) {
      named.add(new MonitoringManifests.Feature("f" + f, f));
    }
    for (int i = 0; i < rows.length; i++) {
      for (int f = 0; f < features; f++) {
        rows[i][f] = (float) random.nextGaussian();
      }
      scores[i] = .5f;
    }
    manifest = MonitoringManifests.fromReference("input", named, rows, "score", scores, .5);
  }

  DriftLedger ledger(DriftSettings settings) throws MalformedDocumentException {
    DriftLedger ledger = new DriftLedger(settings);
    ledger.register(VERSION, MonitoredStreams.of(manifest));
    return ledger;
  }

  List<DeviceWindow> window(long window, First first) throws MalformedDocumentException {
    return window(window, first, device -> DeviceWindow.Outcomes.NONE);
  }

  List<DeviceWindow> window(long window, First first, IntFunction<DeviceWindow.Outcomes> outcomes)
      throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(manifest));
    List<DeviceWindow> windows = new ArrayList<>();
    float[] values = new float[features];
    for (int device = 0; device < devices; device++) {
      double shift = first.shift(device, window);
      for (int i = 0; i < predictions; i++) {
        for (int f = 0; f < features; f++) {
          values[f] = (float) random.nextGaussian();
        }
        if (Double.isNaN(shift)) {
          values[0] = i % 2 == 0 ? Float.NaN : values[0];
        } else {
          values[0] += (float) shift;
        }
        sketch.observe(values, .5f, 1, 100);
      }
      windows.add(
          new DeviceWindow(
              new DeviceId("d%05d".formatted(device)),
              labels.apply(device),
              VERSION,
              sketch.counts(),
              outcomes.apply(device)));
      sketch.seal(ModelRef.getDefaultInstance(), window, 0, 1);
    }
    return windows;
  }

  /** Plays windows and tells what was found; each cohort is released at once. */
  List<DriftFinding> play(DriftSettings settings, long windows, First first)
      throws MalformedDocumentException {
    DriftLedger ledger = ledger(settings);
    List<DriftFinding> found = new ArrayList<>();
    for (long window = 0; window < windows; window++) {
      ledger
          .judge(window, window(window, first))
          .found()
          .ifPresent(
              one -> {
                found.add(one);
                ledger.release(one.cohort(), false);
              });
    }
    return found;
  }
}
