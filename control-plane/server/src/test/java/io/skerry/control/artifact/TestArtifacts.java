package io.skerry.control.artifact;

import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.control.sql.TestPlane;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.wire.fleet.v1.ModelRef;
import java.util.List;

/** Artifacts that nothing but their manifest is here of: enough for what names them. */
public final class TestArtifacts {
  private TestArtifacts() {}

  /** How records name a version in slot main, of which an artifact is here from now on. */
  public static ModelRef named(TestPlane plane, String version) {
    Digest nothing = Digest.of(new byte[] {1});
    ModelVersion of = ModelVersion.parse(version);
    ArtifactManifest manifest =
        new ArtifactManifest(
            of,
            new ProfileId("x86-64-avx2"),
            Engine.ONNXRUNTIME,
            Precision.FP32,
            1,
            new ModelSignature(
                List.of(new TensorSpec("input", ElementType.FP32, List.of(-1L, 2L))),
                List.of(new TensorSpec("score", ElementType.FP32, List.of(-1L, 1L)))),
            List.of(new Layer(LayerType.MODEL_ONNX, "model.onnx", nothing, 1, List.of(nothing))));
    return ModelRef.newBuilder()
        .setSlot("main")
        .setModel(of.model().value())
        .setVersion(of.version())
        .setManifestDigest(plane.bean(ArtifactStore.class).put(manifest.toJson()).toString())
        .build();
  }
}
