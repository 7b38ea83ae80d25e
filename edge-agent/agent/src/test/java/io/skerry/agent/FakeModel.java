package io.skerry.agent;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** Doubles its input, or fails, or breaks; notices when closing meets a run. */
public final class FakeModel implements LoadedModel {
  private static final ModelSignature SIGNATURE =
      new ModelSignature(
          List.of(
              new TensorSpec("input", ElementType.FP32, List.of(-1L, 3L)),
              new TensorSpec("offset", ElementType.FP32, List.of(1L))),
          List.of(new TensorSpec("output", ElementType.FP32, List.of(-1L, 3L))));

  private final boolean failing;
  private boolean breaking;
  private final CountDownLatch started;
  private final CountDownLatch go;
  private final AtomicInteger running = new AtomicInteger();
  private volatile boolean closed;
  private volatile boolean met;

  private FakeModel(boolean failing, CountDownLatch started, CountDownLatch go) {
    this.failing = failing;
    this.started = started;
    this.go = go;
  }

  /** A model that answers. */
  public static FakeModel answering() {
    return new FakeModel(false, new CountDownLatch(0), new CountDownLatch(0));
  }

  /** A model whose runs fail. */
  public static FakeModel failing() {
    return new FakeModel(true, new CountDownLatch(0), new CountDownLatch(0));
  }

  /** A model in whose runs something throws that no engine should. */
  public static FakeModel breaking() {
    FakeModel model = answering();
    model.breaking = true;
    return model;
  }

  /** A model whose runs say that they started and wait until they may go on. */
  public static FakeModel waiting(CountDownLatch started, CountDownLatch go) {
    return new FakeModel(false, started, go);
  }

  /** Whether the model was closed. */
  public boolean closed() {
    return closed;
  }

  /** Whether a run met a closed model. */
  public boolean met() {
    return met;
  }

  @Override
  public String engine() {
    return "fake";
  }

  @Override
  public ModelSignature signature() {
    return SIGNATURE;
  }

  @Override
  public List<String> providers() {
    return List.of("cpu");
  }

  @Override
  public List<Tensor> run(List<Tensor> inputs) throws EngineException {
    running.incrementAndGet();
    try {
      if (failing) {
        throw new EngineException(Reason.RUN_FAILED, "the device is on fire");
      }
      if (breaking) {
        throw new IllegalStateException("broken");
      }
      started.countDown();
      go.await();
      Tensor input = inputs.getFirst();
      float offset = inputs.get(1).floats()[0];
      float[] values = input.floats();
      for (int i = 0; i < values.length; i++) {
        values[i] = 2 * values[i] + offset;
      }
      met |= closed;
      return List.of(Tensor.ofFloats("output", input.shape(), values));
    } catch (InterruptedException e) {
      throw new EngineException(Reason.RUN_FAILED, "interrupted", e);
    } finally {
      running.decrementAndGet();
    }
  }

  @Override
  public void close() {
    met |= running.get() > 0;
    closed = true;
  }
}
