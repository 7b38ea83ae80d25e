package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.skerry.agent.FakeModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class WarmUpTest {
  private static final ModelVersion VERSION = new ModelVersion(new ModelName("m"), 1);

  @Test
  void runsOnceOnZerosWithOneOfWhatIsOpen() {
    Noting noting = new Noting(List.of(-1L, 3L, -1L), false);

    WarmUp.together().run(VERSION, noting);

    assertThat(noting.shapes).containsExactly(List.of(1L, 3L, 1L));
  }

  @Test
  void stopsARunThatTakesLong() {
    Noting noting = new Noting(List.of(4L), true);

    new WarmUp(Duration.ofMillis(1), () -> 0).run(VERSION, noting);

    assertThat(noting.stopped).isTrue();
  }

  /** A thousand slow models would hold a start up for minutes. */
  @Test
  void allModelsOfAStartHaveOneTimeTogether() {
    AtomicLong now = new AtomicLong();
    // Each look at the clock is 250 ms after the one before: a run takes as long.
    WarmUp together =
        new WarmUp(Duration.ofSeconds(1), () -> now.getAndAdd(Duration.ofMillis(250).toNanos()));
    List<Noting> models = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      models.add(new Noting(List.of(4L), false));
      together.run(VERSION, models.getLast());
    }

    assertThat(models).extracting(model -> model.shapes.size()).containsExactly(1, 1, 1, 1, 0, 0);
  }

  @Test
  void oneModelHasNoMoreThanItsPartOfThat() {
    AtomicLong now = new AtomicLong();
    WarmUp together =
        new WarmUp(Duration.ofSeconds(1), () -> now.getAndAdd(Duration.ofMillis(970).toNanos()));
    assertThat(together.left(WarmUp.PATIENCE)).isEqualTo(WarmUp.PATIENCE);

    together.run(VERSION, new Noting(List.of(4L), false));

    assertThat(together.left(WarmUp.PATIENCE)).isEqualTo(Duration.ofMillis(30));
  }

  @Test
  void makesNoLargeInputs() {
    Noting noting = new Noting(List.of(1L << 40), false);

    WarmUp.together().run(VERSION, noting);

    assertThat(noting.shapes).isEmpty();
  }

  @Test
  void refusesNothing() {
    assertThatCode(() -> WarmUp.together().run(VERSION, FakeModel.failing()))
        .doesNotThrowAnyException();
  }

  private static final class Noting implements LoadedModel {
    private final List<List<Long>> shapes = new ArrayList<>();
    private final TensorSpec spec;
    private final boolean endless;
    private boolean stopped;

    Noting(List<Long> shape, boolean endless) {
      this.spec = new TensorSpec("x", ElementType.FP32, shape);
      this.endless = endless;
    }

    @Override
    public String engine() {
      return "noting";
    }

    @Override
    public ModelSignature signature() {
      return new ModelSignature(List.of(spec), List.of(spec));
    }

    @Override
    public List<String> providers() {
      return List.of("cpu");
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs) {
      throw new IllegalStateException("runs have a scope");
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs, RunScope scope) throws EngineException {
      shapes.add(inputs.getFirst().shape());
      if (!endless) {
        return inputs;
      }
      CountDownLatch stop = new CountDownLatch(1);
      scope.enter(stop::countDown);
      try {
        stop.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } finally {
        scope.leave();
      }
      stopped = scope.isStopped();
      throw new EngineException(Reason.STOPPED, "stopped");
    }

    @Override
    public void close() {}
  }
}
