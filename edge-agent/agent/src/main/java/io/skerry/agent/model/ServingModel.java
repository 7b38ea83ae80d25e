package io.skerry.agent.model;

import io.skerry.artifact.ModelSignature;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One loaded version in one slot, with its counters.
 *
 * <p>Thread-safe. The engine's model is closed when the version is retired and its last lease has
 * come back: closing never meets a run.
 */
public final class ServingModel {
  private static final Logger log = LoggerFactory.getLogger(ServingModel.class);

  private final ModelRef ref;
  private final LoadedModel model;
  private final OptionalLong memoryBytes;
  private final ModelTraits traits;
  private final ModelCounters counters = new ModelCounters();
  private final Pace pace = new Pace();
  private volatile boolean judged;
  private final CountDownLatch closed = new CountDownLatch(1);

  // One for the registry while it holds the version, and one for each open lease; 0 is final.
  private final AtomicLong holders = new AtomicLong(1);

  /** Takes over the loaded model: it is closed here and nowhere else. */
  public ServingModel(SlotId slot, ModelVersion version, Digest manifest, LoadedModel model) {
    this(slot, version, manifest, model, ModelTraits.of(model.signature()));
  }

  /** The same with what is known beside its tensors. */
  public ServingModel(
      SlotId slot, ModelVersion version, Digest manifest, LoadedModel model, ModelTraits traits) {
    this.ref = new ModelRef(slot, version, manifest);
    this.model = SizedModel.unwrapped(model);
    this.memoryBytes = SizedModel.bytes(model);
    this.traits = traits;
  }

  /** Slot, version and digest. */
  public ModelRef ref() {
    return ref;
  }

  public SlotId slot() {
    return ref.slot();
  }

  public ModelVersion version() {
    return ref.version();
  }

  public Digest manifest() {
    return ref.manifest();
  }

  /** The engine that runs it, for example {@code onnxruntime}. */
  public String engine() {
    return model.engine();
  }

  /** Inputs and outputs. */
  public ModelSignature signature() {
    return model.signature();
  }

  /** The execution providers that this version really uses, most preferred first. */
  public List<String> providers() {
    return model.providers();
  }

  /** Bytes of memory that its engine took for it before it served; empty where nobody knows. */
  public OptionalLong memoryBytes() {
    return memoryBytes;
  }

  /** What is known of it beside its tensors. */
  public ModelTraits traits() {
    return traits;
  }

  /** How long its calls take lately. */
  public Pace pace() {
    return pace;
  }

  /**
   * Whether calls that come while it runs are run together: then they have to meet, each on a
   * thread that may wait.
   */
  public boolean joinsCalls() {
    return model instanceof BatchingModel;
  }

  /** What it did since it was loaded. */
  public ModelStatistics statistics() {
    return counters.snapshot();
  }

  /**
   * Counts a request that was refused: by the queue, or because there was no memory for it.
   *
   * @param nanos since it came
   */
  public void countRejected(long nanos) {
    counters.rejected(nanos);
  }

  /**
   * Counts a request whose client went before there was an answer.
   *
   * @param nanos how long it waited
   */
  public void countCancelled(long nanos) {
    counters.cancelled(nanos);
  }

  /** Predictions since the version was loaded, the failed ones among them. */
  public long predictions() {
    return counters.answered() + counters.broken();
  }

  /** Of them, those that failed for a fault of ours or the model's; a bad request is none. */
  public long predictionsFailed() {
    return counters.broken() + counters.suspects();
  }

  /**
   * Waits until the engine's model is closed.
   *
   * @return whether it is
   */
  public boolean awaitClosed(Duration patience) throws InterruptedException {
    return closed.await(patience.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** From now on an answer that is no number counts as failed. */
  public void judge() {
    judged = true;
  }

  /** Answers are no longer looked at. */
  public void acquit() {
    judged = false;
  }

  void judge(List<Tensor> outputs) {
    if (judged && outputs.stream().anyMatch(ServingModel::hasNan)) {
      counters.suspect();
    }
  }

  private static boolean hasNan(Tensor output) {
    ByteBuffer data = output.data();
    return switch (output.type()) {
      case FP32 -> {
        for (int at = data.position(); at < data.limit(); at += Float.BYTES) {
          if (Float.isNaN(data.getFloat(at))) {
            yield true;
          }
        }
        yield false;
      }
      case FP64 -> {
        for (int at = data.position(); at < data.limit(); at += Double.BYTES) {
          if (Double.isNaN(data.getDouble(at))) {
            yield true;
          }
        }
        yield false;
      }
      case FP16 -> {
        for (int at = data.position(); at < data.limit(); at += Short.BYTES) {
          if (Float.isNaN(Float.float16ToFloat(data.getShort(at)))) {
            yield true;
          }
        }
        yield false;
      }
      case BF16 -> {
        for (int at = data.position(); at < data.limit(); at += Short.BYTES) {
          if (Float.isNaN(Float.intBitsToFloat(data.getShort(at) << 16))) {
            yield true;
          }
        }
        yield false;
      }
      case BOOL, UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64, BYTES -> false;
    };
  }

  LoadedModel loaded() {
    return model;
  }

  /**
   * Runs it for one call; its counters are the caller's to keep.
   *
   * @throws EngineException as {@link LoadedModel#run(List, RunScope)}
   */
  EngineRun run(List<Tensor> inputs, RunScope scope) throws EngineException {
    return model instanceof BatchingModel joining
        ? joining.runJoined(inputs, scope)
        : EngineRun.alone(model.run(inputs, scope));
  }

  /** How many items these inputs, which fit, are: rows of a batch where it takes batches. */
  int items(List<Tensor> inputs) {
    return traits.batchMax() > 0 ? Inputs.batch(inputs) : 1;
  }

  ModelCounters counters() {
    return counters;
  }

  boolean tryHold() {
    while (true) {
      long now = holders.get();
      if (now == 0) {
        return false;
      }
      if (holders.compareAndSet(now, now + 1)) {
        return true;
      }
    }
  }

  void release(Executor closer) {
    if (holders.decrementAndGet() == 0) {
      closer.execute(this::close);
    }
  }

  private void close() {
    try {
      model.close();
      NativeMemory.trim();
      log.atDebug().addKeyValue("model", ref).log("model closed");
    } catch (RuntimeException e) {
      log.atWarn().addKeyValue("model", ref).setCause(e).log("model did not close");
    } finally {
      closed.countDown();
    }
  }
}
