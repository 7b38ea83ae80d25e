package io.skerry.runtime.onnx;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtProvider;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;

/** Runs ONNX models with ONNX Runtime: one session per model, any number of runs at once. */
public final class OnnxEngine implements InferenceEngine {
  /** The engine's name in profiles, reports and metrics. */
  public static final String NAME = "onnxruntime";

  private static final String CPU = "cpu";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String fileExtension() {
    return ".onnx";
  }

  @Override
  public EngineStatus probe() {
    try {
      OrtEnvironment environment = environment();
      return new EngineStatus.Available(
          environment.getVersion(),
          OrtEnvironment.getAvailableProviders().stream().map(OnnxEngine::text).toList());
    } catch (LinkageError | RuntimeException e) {
      return new EngineStatus.Unavailable("ONNX Runtime does not load: " + OrtErrors.oneLine(e));
    }
  }

  @Override
  public LoadedModel load(Path model, LoadOptions options) throws EngineException {
    if (!Files.isRegularFile(model)) {
      throw new EngineException(Reason.MODEL_INVALID, "no model file at " + model);
    }
    if (probe() instanceof EngineStatus.Unavailable(String reason)) {
      throw new EngineException(Reason.ENGINE_UNAVAILABLE, reason);
    }
    OrtEnvironment environment = environment();
    try (SessionOptions session = sessionOptions(options.threads())) {
      List<String> providers = register(session, options.providers());
      return started(environment.createSession(model.toString(), session), environment, providers);
    } catch (OrtException e) {
      throw new EngineException(
          OrtErrors.orOutOfMemory(e, Reason.MODEL_INVALID),
          "ONNX Runtime cannot load %s: %s".formatted(model.getFileName(), OrtErrors.oneLine(e)),
          e);
    }
  }

  private static LoadedModel started(
      OrtSession session, OrtEnvironment environment, List<String> providers)
      throws OrtException, EngineException {
    boolean started = false;
    try {
      OnnxModel model = new OnnxModel(environment, session, OnnxSignature.of(session), providers);
      started = true;
      return model;
    } finally {
      if (!started) {
        session.close();
      }
    }
  }

  private static SessionOptions sessionOptions(int threads) throws OrtException {
    SessionOptions session = new SessionOptions();
    session.setIntraOpNumThreads(threads);
    session.setInterOpNumThreads(1);
    // Waiting threads that spin cost a device tens of percent of a core between predictions.
    session.addConfigEntry("session.intra_op.allow_spinning", "0");
    session.addConfigEntry("session.inter_op.allow_spinning", "0");
    return session;
  }

  /** Registers what is wanted and present, most preferred first; the CPU always comes last. */
  private static List<String> register(SessionOptions session, List<String> wanted)
      throws OrtException, EngineException {
    EnumSet<OrtProvider> present = OrtEnvironment.getAvailableProviders();
    List<String> used = new ArrayList<>();
    for (String provider : wanted) {
      switch (provider) {
        case "tensorrt" -> {
          if (present.contains(OrtProvider.TENSOR_RT)) {
            session.addTensorrt(0);
            used.add(provider);
          }
        }
        case "cuda" -> {
          if (present.contains(OrtProvider.CUDA)) {
            session.addCUDA(0);
            used.add(provider);
          }
        }
        default -> {}
      }
    }
    if (used.isEmpty() && !wanted.isEmpty() && !wanted.contains(CPU)) {
      throw new EngineException(
          Reason.ENGINE_UNAVAILABLE,
          "none of the execution providers %s is here: this ONNX Runtime has %s"
              .formatted(wanted, present.stream().map(OnnxEngine::text).toList()));
    }
    used.add(CPU);
    return used;
  }

  private static OrtEnvironment environment() {
    // What goes wrong is thrown as an exception; the native log would only say it twice.
    return OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "skerry");
  }

  private static String text(OrtProvider provider) {
    return provider == OrtProvider.TENSOR_RT
        ? "tensorrt"
        : provider.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
