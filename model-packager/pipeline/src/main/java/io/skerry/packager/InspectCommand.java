package io.skerry.packager;

import io.skerry.artifact.ArtifactException;
import io.skerry.artifact.ArtifactManifest;
import io.skerry.artifact.Layer;
import io.skerry.artifact.LayerType;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.TensorSpec;
import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.packager.graph.OnnxImport;
import io.skerry.packager.measure.FloatOperators;
import io.skerry.packager.sign.Baseline;
import io.skerry.packager.tflite.TfliteImport;
import io.skerry.profile.Precision;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sketch.MonitoringPlan;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code skerry pack inspect DIR}: what an artifact says it is; nothing is verified. */
@Command(
    name = "inspect",
    description = "Show what an artifact says it is, unverified.",
    mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
  // Features that are named.
  private static final int TOLD_MAX = 8;

  @Spec @Nullable CommandSpec spec;

  @Parameters(paramLabel = "DIR", description = "Folder in OCI image layout.")
  Path folder = Path.of("");

  @Override
  public Integer call() throws IOException {
    try {
      return inspected();
    } catch (ArtifactException e) {
      throw RefusedArtifact.told(folder, e);
    }
  }

  private int inspected() throws IOException {
    OciLayout layout = OciLayout.read(folder);
    ArtifactManifest manifest =
        ArtifactManifest.parse(Files.readAllBytes(layout.blob(layout.model())));
    if (spec != null) {
      PrintWriter out = spec.commandLine().getOut();
      print(out, layout, manifest);
      out.flush();
    }
    return 0;
  }

  private static void print(PrintWriter out, OciLayout layout, ArtifactManifest manifest)
      throws IOException {
    out.printf("manifest         %s%n", layout.model());
    out.printf("signature        %s%n", layout.signature());
    out.printf("model            %s%n", manifest.model());
    out.printf("profile          %s%n", manifest.profile());
    out.printf("engine           %s%n", manifest.engine());
    out.printf("precision        %s%n", manifest.precision());
    out.printf("release counter  %d%n", manifest.releaseCounter());
    for (TensorSpec input : manifest.tensors().inputs()) {
      out.printf("input            %s %s%s%n", input.name(), input.type(), input.shape());
    }
    for (TensorSpec output : manifest.tensors().outputs()) {
      out.printf("output           %s %s%s%n", output.name(), output.type(), output.shape());
    }
    for (Layer layer : manifest.layers()) {
      out.printf("layer            %s %d bytes %s%n", layer.title(), layer.size(), layer.digest());
    }
    for (Layer layer : manifest.layers()) {
      if (layer.type() == LayerType.MONITORING) {
        watched(layout.blob(layer.digest()))
            .forEach(line -> out.printf("watched          %s%n", line));
      }
    }
    if (manifest.precision() == Precision.INT8) {
      for (Layer layer : manifest.layers()) {
        floats(layout.blob(layer.digest()), layer.type())
            .forEach(operator -> out.printf("float            %s%n", operator));
      }
    }
    if (layout.measurements().isPresent()) {
      Decision.lines(layout.blob(layout.measurements().get()))
          .forEach(line -> out.printf("decision         %s%n", line));
    }
  }

  /** What devices watch of the input; nothing of the file is believed. */
  static List<String> watched(Path monitoring) throws IOException {
    if (Files.size(monitoring) > MonitoringPlan.BYTES_MAX) {
      return List.of(
          "cannot be told: it has more than %d bytes".formatted(MonitoringPlan.BYTES_MAX));
    }
    try {
      MonitoringPlan plan = MonitoringPlan.parse(Files.readAllBytes(monitoring));
      List<String> lines = new ArrayList<>();
      List<String> features = plan.streams().subList(0, plan.layout().features());
      lines.add(
          "%d of input '%s': %s%s"
              .formatted(
                  features.size(),
                  plan.input(),
                  String.join(", ", features.subList(0, Math.min(features.size(), TOLD_MAX))),
                  features.size() > TOLD_MAX ? ", ..." : ""));
      plan.signal()
          .ifPresent(signal -> lines.add(signal + (plan.isMeasured() ? "" : Baseline.NO_SCALAR)));
      return lines.stream().map(line -> line.replaceAll("[\\p{Cc}\\p{Cf}]+", " ")).toList();
    } catch (MalformedDocumentException e) {
      return List.of("cannot be told: %s".formatted(e.getMessage()));
    }
  }

  /** Operators of an int8 model that are computed on floats, and why. */
  static List<String> floats(Path blob, LayerType type) throws IOException {
    boolean isModel = type == LayerType.MODEL_ONNX || type == LayerType.MODEL_TFLITE;
    if (isModel && Files.size(blob) > OnnxImport.MODEL_BYTES_MAX) {
      return List.of(
          "cannot be told: the model has %d bytes, the limit is %d: package the model again"
              .formatted(Files.size(blob), OnnxImport.MODEL_BYTES_MAX));
    }
    try {
      return switch (type) {
        case MODEL_ONNX -> FloatOperators.ofOnnx(Files.readAllBytes(blob));
        case MODEL_TFLITE -> FloatOperators.ofTflite(TfliteImport.content(blob));
        case GOLDEN, MONITORING, LABELS, MEASUREMENTS -> List.of();
      };
    } catch (ModelRefusedException e) {
      return List.of("cannot be told: " + e.getMessage());
    } catch (IndexOutOfBoundsException | StackOverflowError e) {
      // Nothing is verified: nodes may make nothing, or read each other in a circle.
      return List.of("cannot be told: the file is damaged: package the model again");
    }
  }
}
