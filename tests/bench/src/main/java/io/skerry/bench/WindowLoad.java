package io.skerry.bench;

import com.google.protobuf.ByteString;
import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.ingest.QuietPlane;
import io.skerry.control.link.InboundMessage;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import io.skerry.wire.fleet.v1.Window;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Window messages of a fleet, counted by the devices' own code over 100 features. */
final class WindowLoad {
  static final long WINDOW_MILLIS = 3_600_000;
  private static final int FEATURES = 100;
  private static final int TEMPLATES = 64;
  private static final int INFERENCES = 200;
  private static final int SITES = 20;
  private static final int SHIFTED_SITE = 3;
  private static final int SHIFTED_FEATURE = 3;
  private static final TenantId TENANT = new TenantId("default");

  private final List<Window> templates = new ArrayList<>();
  private final List<Window> shifted = new ArrayList<>();
  private final MonitoringManifest monitoring;
  private final int streams;
  private final long shiftedFrom;

  WindowLoad(long seed) throws Exception {
    this(seed, Long.MAX_VALUE);
  }

  /**
   * The same with a site whose devices measure one feature a deviation too high.
   *
   * @param shiftedFrom the first window in which they do
   */
  WindowLoad(long seed, long shiftedFrom) throws Exception {
    this.shiftedFrom = shiftedFrom;
    Random random = new Random(seed);
    List<MonitoringManifests.Feature> features = new ArrayList<>();
    for (int feature = 0; feature < FEATURES; feature++) {
      features.add(new MonitoringManifests.Feature("f" + feature, feature));
    }
    float[][] rows = new float[2000][];
    float[] scores = new float[rows.length];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = row(random);
      scores[i] = random.nextFloat();
    }
    monitoring = MonitoringManifests.fromReference("input", features, rows, "score", scores, .5);
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(monitoring));
    streams = sketch.plan().streams().size();
    for (int template = 0; template < TEMPLATES; template++) {
      templates.add(counted(sketch, random, 0));
    }
    for (int template = 0; template < (shiftedFrom == Long.MAX_VALUE ? 0 : TEMPLATES); template++) {
      shifted.add(counted(sketch, random, 1));
    }
  }

  private static Window counted(WindowSketch sketch, Random random, float shift) {
    for (int i = 0; i < INFERENCES; i++) {
      float score = random.nextFloat();
      float[] row = row(random);
      row[SHIFTED_FEATURE] += shift;
      sketch.observe(row, score, score >= .5 ? 1 : 0, 300);
    }
    return sketch.seal(ModelRef.getDefaultInstance(), 0, 0, WINDOW_MILLIS);
  }

  private static float[] row(Random random) {
    float[] row = new float[FEATURES];
    for (int feature = 0; feature < FEATURES; feature++) {
      row[feature] = (float) random.nextGaussian();
    }
    return row;
  }

  int streams() {
    return streams;
  }

  /** Enrols devices at as many sites, and stores the artifact that they run. */
  ModelRef enrol(QuietPlane plane, Path folder, int devices) throws IOException {
    plane
        .database()
        .run(
            transaction ->
                transaction.update(
                    """
                    insert into device (id, tenant, labels, facts, profile, enrolled_at)
                    select 'device-' || n, 'default',
                      jsonb_build_object('site', 'site-' || n % ?), '{}', 'x86-64-avx2', now()
                    from generate_series(0, ?) n on conflict do nothing
                    """,
                    SITES, devices - 1));
    new ArtifactWriter(
            ModelVersion.parse("measured@1"),
            new ProfileId("x86-64-avx2"),
            Engine.ONNXRUNTIME,
            Precision.FP32,
            1,
            new ModelSignature(
                List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 100L))),
                List.of(new TensorSpec("score", ElementType.FP32, List.of(-1L, 1L)))))
        .add(LayerType.MODEL_ONNX, "model.onnx", new byte[] {1})
        .add(LayerType.MONITORING, "monitoring.bin", monitoring.toByteArray())
        .write(folder, SigningKey.generate());
    Digest manifest = plane.bean(ArtifactStore.class).importLayout(folder).model();
    return ModelRef.newBuilder()
        .setSlot("main")
        .setModel("measured")
        .setVersion(1)
        .setManifestDigest(manifest.toString())
        .build();
  }

  /**
   * One message of one device.
   *
   * @param sequence of its first record; one record for each window from {@code window} on
   */
  InboundMessage message(ModelRef model, int device, long sequence, long window, int records) {
    RecordBatch.Builder batch = RecordBatch.newBuilder().setBootEpoch(1);
    for (int i = 0; i < records; i++) {
      long index = window + i;
      boolean isShifted = index >= shiftedFrom && device % SITES == SHIFTED_SITE;
      Window template =
          (isShifted ? shifted : templates).get((int) ((device * 31L + index) % TEMPLATES));
      batch.addRecords(
          Record.newBuilder()
              .setSequence(sequence + i)
              .setAtMillis((index + 1) * WINDOW_MILLIS)
              .setWindow(
                  template.toBuilder()
                      .setModel(model)
                      .setWindow(index)
                      .setStartMillis(index * WINDOW_MILLIS)
                      .setEndMillis((index + 1) * WINDOW_MILLIS)));
    }
    ByteString payload = batch.build().toByteString();
    return new InboundMessage(
        new Topics.DeviceTopic(TENANT, new DeviceId("device-" + device), "windows"),
        payload,
        () -> false,
        () -> {});
  }
}
