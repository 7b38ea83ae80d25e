package io.skerry.e2e.scene;

import io.skerry.artifact.ArtifactWriter;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.GoldenCase;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.GoldenTensor;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.Tolerance;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.profile.Engine;
import io.skerry.profile.FactsProbe;
import io.skerry.profile.HardwareFacts;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.Precision;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.telemetry.sketch.MonitoringManifests;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Signed artifacts with a model of three numbers: version {@code n} multiplies by {@code n}, so
 * that every answer tells whether it is right.
 */
public final class TinyArtifacts {
  /** The model that the application asks. */
  public static final ModelName MODEL = new ModelName("tiny");

  private static final byte[] MONITORING =
      MonitoringManifests.fromReference(
              "input",
              List.of(
                  new MonitoringManifests.Feature("a", 0), new MonitoringManifests.Feature("b", 1)),
              new float[][] {{1, 2}, {2, 3}, {3, 4}},
              "output",
              new float[] {.1f, .2f, .3f},
              0.5)
          .toByteArray();

  private final Path folder;
  private final SigningKey key;
  private final ProfileId profile;

  TinyArtifacts(Path folder, SigningKey key) {
    this.folder = folder;
    this.key = key;
    this.profile = profileHere();
  }

  private static ProfileId profileHere() {
    HardwareFacts facts = FactsProbe.detect(List.of("onnxruntime/cpu"));
    return ProfileCatalog.builtIn()
        .bestMatch(facts)
        .map(HardwareProfile::id)
        .map(ProfileId::new)
        .orElseThrow(() -> new AssertionError("no built-in profile fits this machine: " + facts));
  }

  /** Packages a model as a version; its golden inputs are those of multiplying by the version. */
  OciLayout write(ModelName name, long version, byte[] model, byte[] labels) throws IOException {
    float golden = version;
    return new ArtifactWriter(
            new ModelVersion(name, version),
            profile,
            Engine.ONNXRUNTIME,
            Precision.FP32,
            version,
            new ModelSignature(
                List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 3L))),
                List.of(new TensorSpec("output", ElementType.FP32, List.of(-1L, 3L)))))
        .add(LayerType.MODEL_ONNX, "model.onnx", model)
        .add(
            new GoldenSet(
                new Tolerance(1e-4, 0),
                List.of(
                    new GoldenCase(
                        List.of(GoldenTensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3)),
                        List.of(
                            GoldenTensor.ofFloats(
                                "output", List.of(1L, 3L), golden, 2 * golden, 3 * golden))))))
        .add(LayerType.MONITORING, "monitoring.pb", MONITORING)
        .add(LayerType.LABELS, "labels.json", labels)
        .write(folder.resolve("v" + version), key);
  }

  /** Whose variants these are. */
  ProfileId profile() {
    return profile;
  }
}
