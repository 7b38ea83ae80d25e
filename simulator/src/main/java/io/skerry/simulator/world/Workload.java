package io.skerry.simulator.world;

import io.skerry.agent.model.CallTimes;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictRequest;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.ServingModel;
import io.skerry.agent.serve.Feedback;
import io.skerry.simulator.world.Releases.Behaviour;
import java.util.List;
import java.util.Optional;

/** What the applications of a device ask its agent, and what they see of the answers. */
final class Workload {
  private static final List<Long> INPUT_SHAPE = List.of(1L, (long) Nature.FEATURES);

  private final Fleet fleet;
  private final SimDevice device;
  private final SimAgent agent;

  Workload(Fleet fleet, SimDevice device, SimAgent agent) {
    this.fleet = fleet;
    this.device = device;
    this.agent = agent;
  }

  /** Asks so often. */
  void predict(int count, boolean withOutcomes) {
    if (agent.slots().active(RolloutShell.SLOT).isEmpty()) {
      device.slot().unanswered("a prediction");
      return;
    }
    Nature.Batch batch = measured(count);
    for (int i = 0; i < count; i++) {
      float[] input = new float[Nature.FEATURES];
      System.arraycopy(batch.views, i * Nature.FEATURES, input, 0, input.length);
      predict(input, batch.truths[i], withOutcomes);
    }
  }

  private Nature.Batch measured(int count) {
    Nature.Batch batch = fleet.batch();
    Nature.measure(
        batch,
        count,
        device.offsets(),
        fleet.drift().at(device, fleet.world().now()),
        device.random());
    return batch;
  }

  private void predict(float[] input, boolean truth, boolean withOutcome) {
    Behaviour behaviour = behaviour();
    agent.engine().inUse = true;
    try {
      long now = agent.nanos();
      Prediction prediction =
          agent
              .predictor()
              .predict(
                  new PredictRequest(
                      Releases.MODEL,
                      Optional.empty(),
                      "",
                      List.of(SimEngine.floats("input", INPUT_SHAPE, input)),
                      "",
                      new CallTimes(now, now)));
      fleet.watch().answered(device.index(), 1);
      agent.predicted();
      if (withOutcome
          && device.random().nextDouble() < fleet.settings().outcomes()
          && behaviour != Behaviour.UNTOLD) {
        agent
            .observer()
            .submit(
                new Feedback(prediction.id().value(), "", truth ? 1 : 0, agent.clock().instant()));
      }
    } catch (PredictException e) {
      fleet.watch().answered(device.index(), 1);
      if (behaviour != Behaviour.FAILS) {
        fleet.watch().broken(1, device.index(), "a prediction failed: " + e.getMessage());
      }
    } finally {
      agent.engine().inUse = false;
    }
  }

  private Behaviour behaviour() {
    return agent
        .slots()
        .active(RolloutShell.SLOT)
        .map(model -> fleet.releases().behaviour(model.version().version()))
        .orElse(Behaviour.GOOD);
  }

  /** What was asked for in a window that has just ended. */
  void ofWindow() {
    Optional<ServingModel> active = agent.slots().active(RolloutShell.SLOT);
    if (active.isEmpty()) {
      device.slot().unanswered("a window's predictions");
      return;
    }
    Settings settings = fleet.settings();
    int measured =
        behaviour() == Behaviour.FAILS || behaviour() == Behaviour.CRASH
            ? settings.predictions()
            : settings.measured();
    if (measured > 0) {
      predict(measured, true);
    }
    int rest = settings.predictions() - measured;
    if (rest > 0) {
      count(active.get(), rest);
    }
    // A real agent looks some times a second, and writes down what it counted.
    agent.wake(World.SECOND);
  }

  private void count(ServingModel model, int predictions) {
    Nature.Batch batch = measured(predictions);
    Behaviour behaviour = behaviour();
    long micros = (long) (SimEngine.latencyNanos(behaviour, true) * device.slowness()) / 1000;
    for (int i = 0; i < predictions; i++) {
      // One in 64 takes twice as long: a tail, as real ones have.
      batch.latencyMicros[i] = (i & 63) == 63 ? 2 * micros : micros + (i & 63);
      batch.scores[i] = SimEngine.answer(behaviour, batch.scores[i]);
    }
    fleet.watch().answered(device.index(), predictions);
    agent
        .observer()
        .count(
            model.ref(),
            agent.clock().millis(),
            predictions,
            batch.views,
            batch.scores,
            batch.latencyMicros);
  }
}
