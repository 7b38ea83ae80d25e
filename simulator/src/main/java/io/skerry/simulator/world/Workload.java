package io.skerry.simulator.world;

import io.skerry.agent.model.CallTimes;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictRequest;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.ServingModel;
import io.skerry.agent.serve.Feedback;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.simulator.world.Releases.Behaviour;
import java.util.List;
import java.util.Optional;

/** What the applications of a device ask its agent, and what they see of the answers. */
final class Workload {
  private static final List<Long> INPUT_SHAPE = List.of(1L, (long) Nature.FEATURES);
  private static final SlotId TRIAL = RolloutPart.trialBeside(RolloutShell.SLOT);

  /** Keys that an application uses in turn, with every second request. */
  private static final int KEYS = 40;

  private final Fleet fleet;
  private final SimDevice device;
  private final SimAgent agent;
  private int asked;

  Workload(Fleet fleet, SimDevice device, SimAgent agent) {
    this.fleet = fleet;
    this.device = device;
    this.agent = agent;
  }

  /** Asks so often. */
  void predict(int count, boolean withOutcomes) {
    if (!isAnswered("a prediction")) {
      return;
    }
    Nature.Batch batch = measured(count);
    List<SlotWatch> slots = device.slots();
    for (int i = 0; i < count; i++) {
      float[] input = new float[Nature.FEATURES];
      System.arraycopy(batch.views, i * Nature.FEATURES, input, 0, input.length);
      if (slots.size() == 1) {
        predict(slots.getFirst(), input, batch.truths[i], withOutcomes);
      } else {
        predictTogether(slots, input, batch.truths[i], withOutcomes);
      }
    }
  }

  // At one moment: nothing happens between what the models of a unit are asked.
  private void predictTogether(
      List<SlotWatch> slots, float[] input, boolean truth, boolean withOutcome) {
    long first = -1;
    for (SlotWatch slot : slots) {
      long version = predict(slot, input, truth, withOutcome);
      if (first >= 0 && version >= 0 && version != first) {
        fleet
            .watch()
            .broken(
                4,
                device.index(),
                "versions %d and %d of a unit answered together".formatted(first, version));
      }
      first = Math.max(first, version);
    }
  }

  // Whether any model is there to be asked.
  private boolean isAnswered(String what) {
    boolean any = false;
    List<SlotWatch> slots = device.slots();
    for (int i = 0; i < slots.size(); i++) {
      if (agent.slots().active(slots.get(i).slot()).isPresent()) {
        any = true;
      } else {
        slots.get(i).unanswered(what);
      }
    }
    return any;
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

  // The version that answered; negative when none did.
  private long predict(SlotWatch slot, float[] input, boolean truth, boolean withOutcome) {
    Optional<TrialWatch.Trial> trial = trial();
    String key = trial.isPresent() && asked++ % 2 == 0 ? "machine-" + asked / 2 % KEYS : "";
    agent.engine().inUse = true;
    try {
      long now = agent.nanos();
      Prediction prediction =
          agent
              .predictor()
              .predict(
                  new PredictRequest(
                      model(slot),
                      Optional.empty(),
                      "",
                      List.of(SimEngine.floats("input", INPUT_SHAPE, input)),
                      key,
                      new CallTimes(now, now)));
      fleet.watch().answered(device.index(), 1);
      if (trial.isPresent()) {
        fleet
            .watch()
            .trials()
            .answered(device.index(), key, trial.get(), prediction.model().slot().equals(TRIAL));
      }
      agent.predicted();
      if (withOutcome
          && device.random().nextDouble() < fleet.settings().outcomes()
          && fleet.releases().behaviour(prediction.model().version()) != Behaviour.UNTOLD) {
        agent
            .observer()
            .submit(
                new Feedback(prediction.id().value(), "", truth ? 1 : 0, agent.clock().instant()));
      }
      return prediction.model().version().version();
    } catch (PredictException e) {
      fleet.watch().answered(device.index(), 1);
      agent.counted();
      failed(slot, key, trial, String.valueOf(e.getMessage()));
      return -1;
    } finally {
      agent.engine().inUse = false;
    }
  }

  private ModelName model(SlotWatch slot) {
    return slot.slot().equals(RolloutShell.SLOT) ? Releases.MODEL : Releases.SECOND_MODEL;
  }

  private Optional<TrialWatch.Trial> trial() {
    return fleet.hasTrials()
        ? agent
            .slots()
            .active(TRIAL)
            .flatMap(
                model ->
                    agent
                        .slots()
                        .mode(TRIAL)
                        .map(mode -> new TrialWatch.Trial(model.version(), mode)))
        : Optional.empty();
  }

  // By its number anybody could ask for what only shadows.
  private void askShadows() {
    trial()
        .filter(on -> on.share().isEmpty() && !isActive(on.version()))
        .ifPresent(this::askByNumber);
  }

  private boolean isActive(ModelVersion version) {
    return agent
        .slots()
        .active(RolloutShell.SLOT)
        .filter(model -> model.version().equals(version))
        .isPresent();
  }

  private void askByNumber(TrialWatch.Trial shadow) {
    try {
      long now = agent.nanos();
      agent
          .predictor()
          .predict(
              new PredictRequest(
                  shadow.version().model(),
                  Optional.of(shadow.version().version()),
                  "",
                  List.of(SimEngine.floats("input", INPUT_SHAPE, new float[Nature.FEATURES])),
                  "",
                  new CallTimes(now, now)));
      fleet.watch().answered(device.index(), 1);
      fleet.watch().trials().answered(device.index(), "", shadow, true);
    } catch (PredictException e) {
      if (e.code() != PredictException.Code.NOT_FOUND) {
        fleet.watch().broken(4, device.index(), "a shadow was asked: " + e.getMessage());
      }
    }
  }

  // Who is told of a failure is told whose it is.
  private void failed(SlotWatch slot, String key, Optional<TrialWatch.Trial> trial, String why) {
    boolean byTrial = trial.filter(on -> why.startsWith(on.version() + " failed")).isPresent();
    trial.ifPresent(on -> fleet.watch().trials().answered(device.index(), key, on, byTrial));
    Behaviour behaviour =
        byTrial ? fleet.releases().behaviour(trial.orElseThrow().version()) : behaviour(slot);
    if (behaviour != Behaviour.FAILS) {
      fleet.watch().broken(1, device.index(), "a prediction failed: " + why);
    }
  }

  private Behaviour behaviour(SlotWatch slot) {
    return agent
        .slots()
        .active(slot.slot())
        .map(model -> fleet.releases().behaviour(model.version()))
        .orElse(Behaviour.GOOD);
  }

  /** What was asked for in a window that has just ended. */
  void ofWindow() {
    if (!isAnswered("a window's predictions")) {
      return;
    }
    askShadows();
    Settings settings = fleet.settings();
    int measured = isWhollyMeasured() ? settings.predictions() : settings.measured();
    if (measured > 0) {
      predict(measured, true);
    }
    int rest = settings.predictions() - measured;
    if (rest > 0) {
      for (SlotWatch slot : device.slots()) {
        Optional<ServingModel> model = agent.slots().active(slot.slot());
        if (model.isPresent()) {
          count(model.get(), behaviour(slot), rest);
        }
      }
    }
    agent.counted();
  }

  // Where it matters who answers, or that somebody does not.
  private boolean isWhollyMeasured() {
    if (trial().isPresent()) {
      return true;
    }
    List<SlotWatch> slots = device.slots();
    for (int i = 0; i < slots.size(); i++) {
      Behaviour behaviour = behaviour(slots.get(i));
      if (behaviour == Behaviour.FAILS || behaviour == Behaviour.CRASH) {
        return true;
      }
    }
    return false;
  }

  private void count(ServingModel model, Behaviour behaviour, int predictions) {
    Nature.Batch batch = measured(predictions);
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
