package io.skerry.agent.model;

import io.skerry.artifact.ModelSignature;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
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
  private final LongAdder answered = new LongAdder();
  private final LongAdder failed = new LongAdder();
  private volatile boolean judged;
  private final CountDownLatch closed = new CountDownLatch(1);

  // One for the registry while it holds the version, and one for each open lease; 0 is final.
  private final AtomicLong holders = new AtomicLong(1);

  /** Takes over the loaded model: it is closed here and nowhere else. */
  public ServingModel(SlotId slot, ModelVersion version, Digest manifest, LoadedModel model) {
    this.ref = new ModelRef(slot, version, manifest);
    this.model = model;
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

  /** Predictions since the version was loaded, the failed ones among them. */
  public long predictions() {
    return answered.sum() + failed.sum();
  }

  /** Of them, those that failed for a fault of ours or the model's; a bad request is none. */
  public long predictionsFailed() {
    return failed.sum();
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

  void count(List<Tensor> outputs) {
    if (judged && outputs.stream().anyMatch(ServingModel::hasNan)) {
      failed.increment();
    } else {
      answered.increment();
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
      case BOOL, UINT8, INT8, INT16, INT32, INT64, BYTES -> false;
    };
  }

  LoadedModel loaded() {
    return model;
  }

  void countFailed() {
    failed.increment();
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
      log.atDebug().addKeyValue("model", ref).log("model closed");
    } catch (RuntimeException e) {
      log.atWarn().addKeyValue("model", ref).setCause(e).log("model did not close");
    } finally {
      closed.countDown();
    }
  }
}
