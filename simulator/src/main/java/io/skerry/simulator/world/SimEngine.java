package io.skerry.simulator.world;

import io.skerry.agent.disk.Disk;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineStatus;
import io.skerry.runtime.InferenceEngine;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import io.skerry.simulator.world.Releases.Behaviour;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Runs models that are one line of text on a simulated disk, as good or bad as the line says. */
final class SimEngine implements InferenceEngine {
  private static final long LATENCY_NANOS = 1_500_000;
  private static final List<Long> OUTPUT_SHAPE = List.of(1L, 1L);

  private final Disk disk;
  private final Machine machine;
  // Set while an application asks: a bad model shows its best side in tests.
  boolean inUse;

  /** What a run does to the machine. */
  interface Machine {
    /** Time goes by. */
    void spend(long nanos);

    /** How many times slower than it should be this machine is. */
    double slowness();

    /** The process dies. */
    void die();
  }

  SimEngine(Disk disk, Machine machine) {
    this.disk = disk;
    this.machine = machine;
  }

  /** What a model of this kind says instead. */
  static float answer(Behaviour behaviour, float score) {
    return behaviour == Behaviour.WRONG ? 1 - score : score;
  }

  /** How long a prediction takes on a healthy machine. */
  static long latencyNanos(Behaviour behaviour, boolean inUse) {
    if (!inUse) {
      return LATENCY_NANOS;
    }
    return switch (behaviour) {
      case SLOW -> 400 * 1_000_000L;
      case TWICE -> 2 * LATENCY_NANOS;
      case GOOD, CRASH, FAILS, WRONG, UNTOLD, BROKEN, UNSIGNED -> LATENCY_NANOS;
    };
  }

  /** A tensor on the heap: no native code will see it. */
  static Tensor floats(String name, List<Long> shape, float... values) {
    ByteBuffer data =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return new Tensor(name, ElementType.FP32, shape, data);
  }

  @Override
  public String name() {
    return "onnxruntime";
  }

  @Override
  public String fileExtension() {
    return ".onnx";
  }

  @Override
  public EngineStatus probe() {
    return new EngineStatus.Available("1", List.of("cpu"));
  }

  @Override
  public LoadedModel load(Path model, LoadOptions options) throws EngineException {
    try {
      String text = new String(disk.read(model), StandardCharsets.UTF_8);
      String[] words = text.strip().split(" ", -1);
      return new Loaded(Behaviour.valueOf(words[2]));
    } catch (IOException | IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
      throw new EngineException(EngineException.Reason.MODEL_INVALID, e.toString(), e);
    }
  }

  /** What a loaded model is. */
  final class Loaded implements LoadedModel {
    private final Behaviour behaviour;

    Loaded(Behaviour behaviour) {
      this.behaviour = behaviour;
    }

    @Override
    public String engine() {
      return name();
    }

    @Override
    public ModelSignature signature() {
      return Releases.SIGNATURE;
    }

    @Override
    public List<String> providers() {
      return List.of("cpu");
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs) throws EngineException {
      machine.spend((long) (latencyNanos(behaviour, inUse) * machine.slowness()));
      if (inUse && behaviour == Behaviour.CRASH) {
        machine.die();
      }
      if (inUse && behaviour == Behaviour.FAILS) {
        throw new EngineException(EngineException.Reason.RUN_FAILED, "bad model");
      }
      ByteBuffer data = inputs.getFirst().data();
      float[] view = new float[Nature.FEATURES];
      for (int f = 0; f < view.length; f++) {
        view[f] = data.getFloat(data.position() + f * Float.BYTES);
      }
      return List.of(floats("output", OUTPUT_SHAPE, answer(behaviour, Nature.score(view, 0))));
    }

    @Override
    public void close() {}
  }
}
