package io.skerry.control.pipeline;

import io.skerry.api.DeviceView;
import io.skerry.control.dataset.CohortFilter;
import io.skerry.control.dataset.CollectedWindow;
import io.skerry.control.dataset.LabelClasses;
import io.skerry.control.dataset.Snapshot;
import io.skerry.control.device.DeviceDirectory;
import io.skerry.control.ingest.SampleStore;
import io.skerry.control.ingest.StoredSample;
import io.skerry.control.sql.Database;
import io.skerry.protocol.ModelName;
import jakarta.inject.Singleton;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/** Joins stored samples with the outcomes that were told for them. */
@Singleton
final class CollectedSamples {
  /** Windows that one retraining takes at most. */
  static final int WINDOWS_MAX = 50_000;

  private static final int PAGE = 500;

  private final Database database;
  private final SampleStore samples;
  private final DeviceDirectory devices;

  CollectedSamples(Database database, SampleStore samples, DeviceDirectory devices) {
    this.database = database;
    this.samples = samples;
    this.devices = devices;
  }

  /**
   * What was collected.
   *
   * @param classless windows left out because their outcome is none of the snapshot's classes
   * @param incomplete windows left out because a value is missing or infinite: no model learns from
   *     such
   */
  record Found(List<CollectedWindow> windows, int classless, int incomplete) {
    Found {
      windows = List.copyOf(windows);
    }
  }

  /**
   * Every window since a moment that has an outcome and the shape of a snapshot's examples; those
   * of the cohort's devices are the slice.
   *
   * @param cohort {@code attribute=value}
   */
  Found since(Instant from, Instant until, ModelName model, String cohort, Snapshot base) {
    Map<String, Double> outcomes = outcomes(model, from);
    Set<String> members = members(cohort);
    int width = base.features().size() * base.window();
    List<CollectedWindow> windows = new ArrayList<>();
    AtomicInteger classless = new AtomicInteger();
    AtomicInteger incomplete = new AtomicInteger();
    samples.read(
        model,
        from,
        until,
        sample -> {
          Double outcome = outcomes.get(key(sample.device().value(), sample.predictionId()));
          if (outcome == null || !hasShape(sample, width) || windows.size() >= WINDOWS_MAX) {
            return;
          }
          OptionalInt label = LabelClasses.of(outcome, base.classes());
          if (label.isEmpty()) {
            classless.incrementAndGet();
            return;
          }
          float[] values = floats(sample, width);
          if (!areFinite(values)) {
            incomplete.incrementAndGet();
            return;
          }
          windows.add(
              new CollectedWindow(
                  new CollectedWindow.Origin(sample.tenant(), model.value(), sample.at()),
                  sample.device(),
                  sample.predictionId(),
                  label.getAsInt(),
                  members.contains(sample.device().value()),
                  values));
        });
    return new Found(windows, classless.get(), incomplete.get());
  }

  private Map<String, Double> outcomes(ModelName model, Instant from) {
    Map<String, Double> outcomes = new HashMap<>();
    database.run(
        transaction ->
            transaction.forEach(
                "select device, prediction_id, actual from telemetry_feedback"
                    + " where model = ? and joined and predicted_at >= ? order by received_at",
                row ->
                    outcomes.put(
                        key(row.text("device"), row.text("prediction_id")), row.number("actual")),
                model.value(),
                from));
    return outcomes;
  }

  private Set<String> members(String cohort) {
    CohortFilter wanted = CohortFilter.of(cohort);
    Set<String> members = new HashSet<>();
    String after = "";
    while (true) {
      List<DeviceView> page = devices.after(after, PAGE);
      for (DeviceView device : page) {
        if (wanted.holds(device)) {
          members.add(device.id());
        }
      }
      if (page.size() < PAGE) {
        return members;
      }
      after = page.getLast().id();
    }
  }

  private static boolean hasShape(StoredSample sample, int width) {
    return sample.inputType().equals("FP32") && sample.input().size() == Float.BYTES * width;
  }

  private static boolean areFinite(float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  private static float[] floats(StoredSample sample, int width) {
    FloatBuffer buffer =
        sample.input().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    float[] values = new float[width];
    buffer.get(values);
    return values;
  }

  private static String key(String device, String prediction) {
    return device + "/" + prediction;
  }
}
