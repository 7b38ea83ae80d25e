package io.skerry.artifact;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.profile.Engine;
import io.skerry.profile.Precision;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What an artifact is: the model manifest, an OCI image manifest whose annotations and layers these
 * are. It is signed as the bytes it was written as; nobody writes it again to check it.
 *
 * @param releaseCounter grows with every release of the model, so that a device can refuse to go
 *     back
 * @param tensors the model's inputs and outputs
 * @param layers exactly one is the model; no other type twice
 */
public record ArtifactManifest(
    ModelVersion model,
    ProfileId profile,
    Engine engine,
    Precision precision,
    long releaseCounter,
    ModelSignature tensors,
    List<Layer> layers) {
  /** What the whole is, to an OCI registry. */
  public static final String ARTIFACT_TYPE = "application/vnd.skerry.model.v1";

  /** Media type of the manifest, and payload type of the envelope that signs it. */
  public static final String MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json";

  /** The largest manifest that is read. */
  public static final int BYTES_MAX = 1 << 20;

  /** Layers that an artifact can have. */
  public static final int LAYERS_MAX = 16;

  static final String TITLE = "org.opencontainers.image.title";
  private static final String CHUNKS = "io.skerry.chunks";
  private static final String MODEL = "io.skerry.model";
  private static final String VERSION = "io.skerry.version";
  private static final String PROFILE = "io.skerry.profile";
  private static final String ENGINE = "io.skerry.engine";
  private static final String PRECISION = "io.skerry.precision";
  private static final String RELEASE_COUNTER = "io.skerry.release-counter";
  private static final String TENSORS = "io.skerry.tensors";

  /**
   * Checks that the layers make an artifact.
   *
   * @throws ArtifactException if they do not
   */
  public ArtifactManifest {
    layers = List.copyOf(layers);
    if (releaseCounter < 1) {
      throw malformed("release counter is %d, they start at 1".formatted(releaseCounter));
    }
    if (layers.size() > LAYERS_MAX) {
      throw malformed("%d layers, more than %d".formatted(layers.size(), LAYERS_MAX));
    }
    Set<LayerType> types = EnumSet.noneOf(LayerType.class);
    for (Layer layer : layers) {
      if (!types.add(layer.type())) {
        throw malformed("more than one layer of type " + layer.type().mediaType());
      }
    }
    LayerType needed =
        switch (engine) {
          case ONNXRUNTIME -> LayerType.MODEL_ONNX;
          case TFLITE -> LayerType.MODEL_TFLITE;
        };
    if (!types.contains(needed) || types.stream().filter(LayerType::isModel).count() != 1) {
      throw malformed("engine %s needs one model layer, %s".formatted(engine, needed.mediaType()));
    }
  }

  private static ArtifactException malformed(String fault) {
    return new ArtifactException(ErrorCode.ARTIFACT_MALFORMED, "model manifest: " + fault);
  }

  /** The model's own layer. */
  public Layer modelLayer() {
    return layers.stream().filter(layer -> layer.type().isModel()).findFirst().orElseThrow();
  }

  /** The layer of this type. */
  public Optional<Layer> layer(LayerType type) {
    return layers.stream().filter(layer -> layer.type() == type).findFirst();
  }

  /** Bytes of all layers. */
  public long layerBytes() {
    return layers.stream().mapToLong(Layer::size).sum();
  }

  /**
   * Reads a manifest. Only for bytes that {@link ArtifactReader} has verified, or that are about to
   * be.
   *
   * @throws ArtifactException if the bytes are no model manifest
   */
  public static ArtifactManifest parse(byte[] json) {
    if (json.length > BYTES_MAX) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_TOO_LARGE,
          "model manifest has %d bytes, more than %d".formatted(json.length, BYTES_MAX));
    }
    JsonFields manifest = JsonFields.parse("model manifest", json);
    manifest.expect("mediaType", MEDIA_TYPE);
    manifest.expect("artifactType", ARTIFACT_TYPE);
    JsonFields annotations = manifest.fields("annotations");
    List<Layer> layers = new ArrayList<>();
    for (JsonFields layer : manifest.list("layers")) {
      layers.add(layer(layer));
    }
    return new ArtifactManifest(
        new ModelVersion(
            annotations.parsed(MODEL, ModelName::new), annotations.parsed(VERSION, Counter::from1)),
        annotations.parsed(PROFILE, ProfileId::new),
        annotations.parsed(ENGINE, text -> known(Engine.parse(text), text)),
        annotations.parsed(PRECISION, text -> known(Precision.parse(text), text)),
        annotations.parsed(RELEASE_COUNTER, Counter::from1),
        TensorsJson.read(annotations.text(TENSORS)),
        layers);
  }

  private static Layer layer(JsonFields fields) {
    JsonFields annotations = fields.fields("annotations");
    String chunks = annotations.text(CHUNKS);
    List<Digest> digests = new ArrayList<>();
    if (!chunks.isEmpty()) {
      for (String hex : chunks.split(",", -1)) {
        digests.add(known(hex));
      }
    }
    return new Layer(
        fields.parsed("mediaType", text -> known(LayerType.parse(text), text)),
        annotations.text(TITLE),
        fields.digest("digest"),
        fields.integer("size"),
        digests);
  }

  private static Digest known(String hex) {
    try {
      return new Digest(hex);
    } catch (IllegalArgumentException e) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_MALFORMED, "model manifest: chunk " + e.getMessage(), e);
    }
  }

  private static <T> T known(Optional<T> parsed, String text) {
    return parsed.orElseThrow(
        () -> new IllegalArgumentException("'%s' is not known here".formatted(text)));
  }

  /** The manifest's bytes: the same for the same manifest. */
  public byte[] toJson() {
    JsonObject annotations = new JsonObject();
    annotations.addProperty(MODEL, model.model().value());
    annotations.addProperty(VERSION, Long.toString(model.version()));
    annotations.addProperty(PROFILE, profile.value());
    annotations.addProperty(ENGINE, engine.text());
    annotations.addProperty(PRECISION, precision.text());
    annotations.addProperty(RELEASE_COUNTER, Long.toString(releaseCounter));
    annotations.addProperty(TENSORS, TensorsJson.write(tensors));
    JsonArray array = new JsonArray();
    for (Layer layer : layers) {
      JsonObject title = new JsonObject();
      title.addProperty(TITLE, layer.title());
      title.addProperty(
          CHUNKS, layer.chunks().stream().map(Digest::hex).collect(Collectors.joining(",")));
      JsonObject descriptor =
          OciLayout.descriptor(layer.type().mediaType(), layer.digest(), layer.size());
      descriptor.add("annotations", title);
      array.add(descriptor);
    }
    JsonObject manifest = OciLayout.manifest(ARTIFACT_TYPE);
    manifest.add("layers", array);
    manifest.add("annotations", annotations);
    return manifest.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** Numbers as annotations hold them, in text. */
  private static final class Counter {
    static long from1(String text) {
      long value = Long.parseLong(text);
      if (value < 1) {
        throw new IllegalArgumentException("%d is below 1".formatted(value));
      }
      return value;
    }
  }
}
