package io.skerry.agent.model;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives copies of answered requests to versions that only shadow, one at a time and after the
 * answer was given: a client never waits for it. What finds the queue full is counted and left out.
 */
final class Mirror {
  private static final Logger log = LoggerFactory.getLogger(Mirror.class);

  /** Copies that wait. */
  static final int WAITING_MAX = 16;

  /** Bytes of the copies that wait, inputs and outputs. */
  static final int WAITING_BYTES_MAX = 64 << 20;

  private final ModelSlots slots;
  private final InstantSource clock;
  private final LongSupplier nanoTime;
  private final PredictionIds ids;
  private final PredictionListener listener;
  private final IntFunction<ByteBuffer> memory;
  private final Semaphore bytesFree = new Semaphore(WAITING_BYTES_MAX);
  private final Executor worker;

  Mirror(
      ModelSlots slots,
      InstantSource clock,
      LongSupplier nanoTime,
      PredictionIds ids,
      PredictionListener listener,
      Executor worker) {
    this(slots, clock, nanoTime, ids, listener, worker, ByteBuffer::allocateDirect);
  }

  /**
   * Keeps copies in memory of this kind.
   *
   * @param worker runs one copy at a time; rejects those that it has no room for
   * @param memory of so many bytes; throws {@link OutOfMemoryError} where there is none
   */
  Mirror(
      ModelSlots slots,
      InstantSource clock,
      LongSupplier nanoTime,
      PredictionIds ids,
      PredictionListener listener,
      Executor worker,
      IntFunction<ByteBuffer> memory) {
    this.slots = slots;
    this.clock = clock;
    this.nanoTime = nanoTime;
    this.ids = ids;
    this.listener = listener;
    this.worker = worker;
    this.memory = memory;
  }

  /** Mirrors an answered request to those that shadow its slot and whose share its key is in. */
  void mirror(Prediction prediction, String key) {
    for (Traffic.Shared shadow : slots.shadows(prediction.model().slot())) {
      if (Traffic.position(key, shadow.model().slot()) < shadow.share()) {
        submit(prediction, shadow.model());
      }
    }
  }

  private void submit(Prediction prediction, ServingModel shadow) {
    long bytes = bytes(prediction.inputs()) + bytes(prediction.outputs());
    if (bytes > WAITING_BYTES_MAX || !bytesFree.tryAcquire((int) bytes)) {
      unmirrored(shadow);
      return;
    }
    try {
      Prediction kept = prediction.with(copies(prediction.inputs()), copies(prediction.outputs()));
      worker.execute(
          () -> {
            try {
              run(kept, shadow);
            } finally {
              bytesFree.release((int) bytes);
            }
          });
    } catch (RejectedExecutionException | OutOfMemoryError e) {
      bytesFree.release((int) bytes);
      unmirrored(shadow);
    }
  }

  private void run(Prediction primary, ServingModel shadow) {
    if (!shadow.tryHold()) {
      return;
    }
    try (ModelLease lease = slots.lease(shadow);
        RunScope scope = RunScope.lasting()) {
      ServingModel model = lease.model();
      long started = nanoTime.getAsLong();
      EngineRun run = model.run(primary.inputs(), scope);
      long ended = nanoTime.getAsLong();
      model
          .counters()
          .answered(
              clock.millis(),
              model.items(primary.inputs()),
              started,
              started,
              started,
              run,
              ended,
              ended);
      shadow.judge(run.outputs());
      tell(primary, shadow, run.outputs(), ended - started);
    } catch (EngineException e) {
      if (e.reason() == EngineException.Reason.NO_ROOM) {
        unmirrored(shadow);
        return;
      }
      failed(primary, shadow, e);
    } catch (RuntimeException e) {
      log.atWarn().addKeyValue("model", shadow.ref()).setCause(e).log("shadow failed");
      failed(primary, shadow, e);
    } catch (OutOfMemoryError e) {
      log.atWarn().addKeyValue("model", shadow.ref()).log("no memory for a mirrored request");
      unmirrored(shadow);
    }
  }

  private void tell(Prediction primary, ServingModel shadow, List<Tensor> outputs, long nanos) {
    Predictor.tell(
        () ->
            listener.shadowed(
                primary,
                new Prediction(
                    ids.next(),
                    "",
                    shadow.ref(),
                    primary.inputs(),
                    outputs,
                    primary.at(),
                    nanos,
                    primary.items())));
  }

  private void unmirrored(ServingModel shadow) {
    Predictor.tell(() -> listener.unmirrored(shadow.ref()));
  }

  private void failed(Prediction primary, ServingModel shadow, Exception cause) {
    shadow.counters().broke(0);
    String message = cause.getMessage();
    Predictor.tell(
        () ->
            listener.failed(
                new FailedPrediction(
                    ids.next(),
                    "",
                    shadow.ref(),
                    message == null ? cause.getClass().getSimpleName() : message,
                    clock.instant(),
                    primary.items())));
  }

  private static long bytes(List<Tensor> tensors) {
    long bytes = 0;
    for (Tensor tensor : tensors) {
      bytes += tensor.data().remaining();
    }
    return bytes;
  }

  // What the client sees may be reused or changed by it once it has its answer.
  private List<Tensor> copies(List<Tensor> tensors) {
    return tensors.stream().map(this::copy).toList();
  }

  private Tensor copy(Tensor tensor) {
    ByteBuffer copy = memory.apply(tensor.data().remaining());
    copy.put(tensor.data().duplicate()).flip();
    return new Tensor(tensor.name(), tensor.type(), tensor.shape(), copy);
  }
}
