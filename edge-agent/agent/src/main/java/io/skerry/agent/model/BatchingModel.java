package io.skerry.agent.model;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.InputCheck;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.runtime.TensorPool;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model whose calls run together when they would wait for each other anyway: a call that comes
 * while the model is free runs at once; those that come meanwhile are taken as one batch by the
 * first of them. Nobody waits for others to come, so a single caller loses nothing, and a call
 * waits for no more than the batch that runs and its own.
 *
 * <p>Thread-safe. A client that goes leaves the queue; once in a batch, it is run to its end for
 * the sake of the others.
 */
final class BatchingModel extends WrappedModel {
  private static final long BYTES_IDLE_MAX = 8L << 20;

  private final int rowsMax;
  private final int batchesMax;
  private final TensorPool pool = new TensorPool(BYTES_IDLE_MAX);
  private final ArrayDeque<Call> waiting = new ArrayDeque<>();
  private int running;

  /** One call. */
  private static final class Call {
    private final List<Tensor> inputs;
    private final RunScope scope;
    private final long rows;
    private final long came = System.nanoTime();
    private List<Call> batch = List.of();
    private List<Tensor> outputs = List.of();
    private long began;
    private long rowsOfRun;
    private boolean counts;
    private @Nullable EngineException failure;
    private boolean over;

    Call(List<Tensor> inputs, RunScope scope) {
      this.inputs = inputs;
      this.scope = scope;
      this.rows = inputs.getFirst().shape().getFirst();
    }

    synchronized void lead(List<Call> calls) {
      batch = calls;
      notifyAll();
    }

    /** Its run alone. */
    void answer(List<Tensor> made, long runBegan) {
      answer(made, runBegan, 0, true);
    }

    synchronized void answer(List<Tensor> made, long runBegan, long runRows, boolean runCounts) {
      outputs = made;
      began = runBegan;
      rowsOfRun = runRows;
      counts = runCounts;
      over = true;
      notifyAll();
    }

    synchronized void fail(EngineException why) {
      failure = why;
      over = true;
      notifyAll();
    }

    /** Waits until this call is over, or is to run a batch: that batch, then. */
    synchronized List<Call> await() {
      boolean interrupted = false;
      while (!over && batch.isEmpty()) {
        try {
          wait();
        } catch (InterruptedException e) {
          // Whoever runs the batch still uses this call's memory.
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
      return over ? List.of() : batch;
    }

    synchronized EngineRun result() throws EngineException {
      if (failure != null) {
        throw failure;
      }
      return new EngineRun(outputs, began - came, rowsOfRun, counts);
    }

    boolean fits(Call other) {
      for (int i = 0; i < inputs.size(); i++) {
        List<Long> one = inputs.get(i).shape();
        List<Long> two = other.inputs.get(i).shape();
        if (other.inputs.get(i).shape().getFirst() != other.rows
            || !one.subList(1, one.size()).equals(two.subList(1, two.size()))) {
          return false;
        }
      }
      return true;
    }
  }

  /**
   * @param rowsMax rows of a batch, above 1
   * @param batchesMax batches that run at a time
   */
  BatchingModel(LoadedModel model, int rowsMax, int batchesMax) {
    super(model);
    this.rowsMax = rowsMax;
    this.batchesMax = batchesMax;
  }

  /** Whether calls of such a model can be put together. */
  static boolean isPossible(ModelSignature signature) {
    return ModelTraits.takesBatches(signature)
        && signature.inputs().stream().noneMatch(spec -> spec.type() == ElementType.BYTES)
        && signature.outputs().stream().noneMatch(spec -> spec.type() == ElementType.BYTES)
        && signature.inputs().stream()
            .map(TensorSpec::shape)
            .allMatch(shape -> shape.stream().skip(1).allMatch(dimension -> dimension > 0));
  }

  /** The most rows of a batch. */
  int rowsMax() {
    return rowsMax;
  }

  @Override
  public List<Tensor> run(List<Tensor> inputs, RunScope scope) throws EngineException {
    return runJoined(inputs, scope).outputs();
  }

  /**
   * Runs as {@link #run(List, RunScope)}.
   *
   * @return also how it was run together with others
   */
  EngineRun runJoined(List<Tensor> inputs, RunScope scope) throws EngineException {
    InputCheck.requireFit(model.signature(), inputs);
    Call call = new Call(inputs, scope);
    if (enter(call)) {
      runThenHandOver(List.of(call));
      return call.result();
    }
    try {
      scope.enter(() -> leave(call));
    } catch (EngineException stoppedMeanwhile) {
      // Who hands over may have taken it already, and then counts on it as on any other.
      leave(call);
    }
    List<Call> batch;
    try {
      batch = call.await();
    } finally {
      scope.leave();
    }
    if (!batch.isEmpty()) {
      runThenHandOver(batch);
    }
    return call.result();
  }

  /** Whether the call runs at once; else it waits. */
  private synchronized boolean enter(Call call) throws EngineException {
    if (running < batchesMax) {
      running++;
      return true;
    }
    if (call.scope.isStopped()) {
      throw stopped();
    }
    call.scope.requireMayWait();
    waiting.add(call);
    return false;
  }

  private void leave(Call call) {
    boolean left;
    synchronized (this) {
      left = waiting.remove(call);
    }
    if (left) {
      call.fail(stopped());
    }
  }

  private static EngineException stopped() {
    return new EngineException(Reason.STOPPED, "stopped while it waited");
  }

  private void runThenHandOver(List<Call> batch) {
    try {
      runBatch(batch);
    } finally {
      handOver();
    }
  }

  /** The first that waits runs the next batch, on its own thread. */
  private void handOver() {
    List<Call> batch = new ArrayList<>();
    synchronized (this) {
      Call first = waiting.poll();
      if (first == null) {
        running--;
        return;
      }
      batch.add(first);
      long rows = first.rows;
      for (Iterator<Call> others = waiting.iterator(); others.hasNext() && rows < rowsMax; ) {
        Call other = others.next();
        if (rows + other.rows <= rowsMax && first.fits(other)) {
          others.remove();
          batch.add(other);
          rows += other.rows;
        }
      }
    }
    batch.getFirst().lead(batch);
  }

  private void runBatch(List<Call> batch) {
    if (batch.size() > 1) {
      try {
        runTogether(batch);
        return;
      } catch (EngineException | RuntimeException | Error e) {
        // One of them is at fault, or all together are too much: each answers for itself.
      }
    }
    batch.forEach(this::runAlone);
  }

  private void runAlone(Call call) {
    try {
      long began = System.nanoTime();
      call.answer(model.run(call.inputs, call.scope), began);
    } catch (EngineException e) {
      call.fail(e);
    } catch (OutOfMemoryError e) {
      call.fail(new EngineException(Reason.OUT_OF_MEMORY, "no memory for this run", e));
    } catch (RuntimeException | Error e) {
      // Whatever it is: the rest of the batch waits for this thread.
      call.fail(new EngineException(Reason.RUN_FAILED, String.valueOf(e.getMessage()), e));
    }
  }

  private void runTogether(List<Call> batch) throws EngineException {
    long began = System.nanoTime();
    long rows = batch.stream().mapToLong(call -> call.rows).sum();
    List<List<Tensor>> split = new ArrayList<>();
    // Memory of its own: no call's end may take it from the others.
    try (RunScope scope = pool.open()) {
      List<Tensor> outputs = model.run(joined(batch, rows, scope), scope);
      for (Tensor output : outputs) {
        if (output.shape().isEmpty() || output.shape().getFirst() != rows) {
          throw new EngineException(
              Reason.RUN_FAILED, "output '%s' has no row per input".formatted(output.name()));
        }
      }
      long first = 0;
      for (Call call : batch) {
        split.add(part(outputs, first, call, rows));
        first += call.rows;
      }
    }
    for (int i = 0; i < batch.size(); i++) {
      batch.get(i).answer(split.get(i), began, rows, i == 0);
    }
  }

  private static List<Tensor> joined(List<Call> batch, long rows, RunScope scope) {
    List<Tensor> joined = new ArrayList<>();
    for (int i = 0; i < batch.getFirst().inputs.size(); i++) {
      Tensor like = batch.getFirst().inputs.get(i);
      long bytesPerRow = like.data().remaining() / batch.getFirst().rows;
      ByteBuffer data = scope.take(Math.toIntExact(bytesPerRow * rows));
      for (Call call : batch) {
        data.put(call.inputs.get(i).data().duplicate());
      }
      joined.add(new Tensor(like.name(), like.type(), shape(rows, like), data.flip()));
    }
    return joined;
  }

  private static List<Tensor> part(List<Tensor> outputs, long first, Call call, long rows) {
    List<Tensor> part = new ArrayList<>(outputs.size());
    for (Tensor output : outputs) {
      int bytesPerRow = Math.toIntExact(output.data().remaining() / rows);
      ByteBuffer data = call.scope.take(Math.toIntExact(bytesPerRow * call.rows));
      data.put(
              output
                  .data()
                  .slice(
                      output.data().position() + Math.toIntExact(first * bytesPerRow),
                      data.remaining()))
          .flip();
      part.add(new Tensor(output.name(), output.type(), shape(call.rows, output), data));
    }
    return part;
  }

  private static List<Long> shape(long rows, Tensor like) {
    List<Long> shape = new ArrayList<>(like.shape());
    shape.set(0, rows);
    return shape;
  }

  @Override
  public void close() {
    pool.clear();
    super.close();
  }
}
