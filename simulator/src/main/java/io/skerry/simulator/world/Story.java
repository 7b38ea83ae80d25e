package io.skerry.simulator.world;

import io.skerry.fleet.gate.GateAction;
import io.skerry.fleet.incident.Incident;
import io.skerry.fleet.rollout.RolloutEvent;
import io.skerry.fleet.rollout.RolloutKind;
import io.skerry.fleet.rollout.RolloutPhase;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.RecordStream;
import io.skerry.simulator.disk.Loss;
import io.skerry.simulator.disk.Stop;
import io.skerry.simulator.world.Nature.Kind;
import io.skerry.simulator.world.Nature.Shift;
import io.skerry.simulator.world.Releases.Behaviour;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;

/** What scenarios are told with: what happens when, and what became of it. */
public final class Story {
  private final Fleet fleet;
  private final World world;
  private final int days;
  private final Map<Long, Rollout> rollouts = new HashMap<>();
  private final List<Long> onlineThen = new ArrayList<>();
  private final List<Long> runningThen = new ArrayList<>();
  private final Map<SimDevice, Long> fetchedThen = new HashMap<>();
  private final List<String> phasesThen = new ArrayList<>();
  private Duration clockErrorThen = Duration.ZERO;

  /**
   * A story about a fleet in which nothing has happened yet.
   *
   * @param days before everything is healed
   */
  public Story(Fleet fleet, int days) {
    this.fleet = fleet;
    this.world = fleet.world();
    this.days = days;
  }

  /** This part of the time in which everything goes wrong. */
  public Duration part(int of, int all) {
    return Duration.ofDays(days).multipliedBy(of).dividedBy(all);
  }

  /** How measuring goes wrong. */
  public enum Wrong {
    LOCATION,
    SCALE,
    MISSING,
    STUCK,
    UNIT,
    CORRELATION,
    PRIOR,
    CONCEPT
  }

  /** Does something so long after the beginning. */
  public void at(Duration when, Runnable what) {
    world.at(World.BEGIN + when.toMillis(), what);
  }

  /** Makes good versions. */
  public void good(long... versions) {
    for (long version : versions) {
      fleet.release(version, Behaviour.GOOD);
    }
  }

  /** Makes a version that behaves otherwise. */
  public void bad(long version, Behaviour behaviour) {
    fleet.release(version, behaviour);
  }

  /** Makes a good version with a model of so many bytes. */
  public void large(long version, int bytes) {
    fleet.releases().release(new ModelVersion(Releases.MODEL, version), Behaviour.GOOD, bytes);
  }

  /** The whole fleet gets a version in its first hour, in one stage. */
  public void everybodyRuns(long version) {
    good(version);
    roll(Duration.ofHours(1), version, List.of(100));
  }

  // Nobody takes an order while the control plane is down: its operator asks again.
  private void whenUp(Duration when, Runnable act) {
    at(
        when,
        () -> {
          if (fleet.plane().isUp()) {
            act.run();
          } else {
            whenUp(when.plusMinutes(1), act);
          }
        });
  }

  /**
   * Every device has two models that are one unit: whatever is rolled out has a version of each,
   * both of the same number. Before anything is released.
   */
  public void unit() {
    fleet.becomeUnit();
  }

  /** Devices that come later join the rollouts that are under way. Before anything rolls out. */
  public void admitNewcomers() {
    fleet.admitNewcomers();
  }

  /** An operator rolls a version out in stages, each watched for two windows. */
  public void roll(Duration when, long version, List<Integer> percents) {
    roll(when, new RolloutKind.Replace(), version, percents);
  }

  /** What operators do with versions of which nobody told them, in turn. Before all else. */
  public void operatorsChoose(RolloutKind... kinds) {
    fleet.operatorsChoose(List.of(kinds));
  }

  /**
   * An operator puts a version on trial beside the one that is active, in stages, each watched for
   * two windows; other operators do the same with theirs.
   */
  public void trial(Duration when, RolloutKind kind, long version, List<Integer> percents) {
    if (!fleet.hasTrials()) {
      fleet.operatorsChoose(List.of(kind));
    }
    roll(when, kind, version, percents);
  }

  private void roll(Duration when, RolloutKind kind, long version, List<Integer> percents) {
    whenUp(
        when,
        () ->
            rollouts.put(
                version,
                fleet
                    .plane()
                    .roll(
                        kind,
                        version,
                        percents,
                        fleet.settings().window().multipliedBy(2),
                        GateAction.ROLLBACK)));
  }

  /** The same with the gates that a rollout has where nobody sets any. */
  public void rollByDefault(Duration when, long version, List<Integer> percents) {
    Duration soak = fleet.settings().window().multipliedBy(2);
    whenUp(when, () -> rollouts.put(version, fleet.plane().rollByDefault(version, percents, soak)));
  }

  /** An operator acts on the rollout of a version. */
  public void act(Duration when, long version, RolloutEvent event) {
    whenUp(when, () -> rollout(version).ifPresent(rollout -> fleet.plane().act(rollout, event)));
  }

  /** Devices have no network for a while. */
  public void offline(Duration from, Duration lasts, IntPredicate devices) {
    for (SimDevice device : fleet.devices()) {
      if (devices.test(device.index())) {
        at(from, () -> device.link(false));
        at(from.plus(lasts), () -> device.link(true));
      }
    }
  }

  /** The broker dies, and comes back empty after a while. */
  public void brokerLost(Duration from, Duration lasts) {
    at(from, fleet.broker()::kill);
    at(from.plus(lasts), fleet.broker()::start);
  }

  /** The control plane dies at a point of its work, and is started again after a while. */
  public void planeKilled(Duration from, ControlPlane.DeathPoint point, Duration lasts) {
    at(from, () -> fleet.plane().killAt(point));
    at(
        from.plus(lasts),
        () -> {
          fleet.plane().kill();
          fleet.plane().start();
        });
  }

  /**
   * A second process of the control plane works on the same store for a while, and throws the first
   * off the broker whenever it connects.
   */
  public void secondReplica(Duration from, Duration lasts) {
    at(from, fleet.replica()::start);
    at(from.plus(lasts), fleet.replica()::kill);
  }

  /** Records that the second control plane stored. */
  public long storedBySecondReplica() {
    return fleet.replica().recordsStored();
  }

  /** How often the control planes threw each other off the broker: the fewer of both ways. */
  public long takeovers() {
    return Math.min(fleet.plane().timesTakenOver(), fleet.replica().timesTakenOver());
  }

  /** Devices' lines to the artifacts break off, each time after so many bytes. */
  public void artifactsCut(Duration from, int bytes) {
    at(from, () -> fleet.devices().forEach(device -> device.network().cut(bytes)));
  }

  /** Remembers what every device has fetched until then. */
  public void countFetched(Duration when) {
    at(when, () -> fleet.devices().forEach(device -> fetchedThen.put(device, device.fetched())));
  }

  /** The most that any device fetched since, as a multiple of the artifact of this version. */
  public double fetchedSince(long version) {
    double most = 0;
    for (SimDevice device : fleet.devices()) {
      long bytes = device.fetched() - fetchedThen.getOrDefault(device, 0L);
      most =
          Math.max(
              most, (double) bytes / fleet.releases().bytes(version, device.hardware().profile()));
    }
    return most;
  }

  /** Devices start without a battery behind their clock: it is 1970 for them. */
  public void clockOf1970(IntPredicate devices) {
    for (SimDevice device : fleet.devices()) {
      if (devices.test(device.index())) {
        device.skew(-World.BEGIN);
      }
    }
  }

  /** From some time on what a site measures of a feature is wrong. */
  public void wrong(Duration from, String site, Wrong how, int feature, double amount) {
    Shift shift = new Shift(Kind.valueOf(how.name()), feature, (float) amount);
    long begins = World.BEGIN + from.toMillis();
    fleet.drift((device, at) -> at >= begins && device.site().equals(site) ? shift : Shift.NONE);
  }

  /** Days are warmer than nights, for everybody alike. */
  public void seasons(double amount) {
    fleet.drift(
        (device, at) -> {
          double hours = (at % World.DAY) / (double) World.HOUR;
          return new Shift(Kind.LOCATION, 1, (float) (amount * Math.sin(2 * Math.PI * hours / 24)));
        });
  }

  /** Somebody uses a device's key on another machine for a while. */
  public void cloned(Duration from, Duration lasts, int device) {
    at(from, () -> fleet.clone(fleet.device(device), lasts.toMillis(), 5));
  }

  /** Counts the devices that are connected then. */
  public void countOnline(Duration when) {
    at(when, () -> onlineThen.add(fleet.devices().stream().filter(SimDevice::isConnected).count()));
  }

  /** What the n-th count was, from 0. */
  public long onlineThen(int count) {
    return onlineThen.get(count);
  }

  /** The most connects in any second of the ten minutes after this. */
  public long connectsInOneSecond(Duration from) {
    return fleet.broker().connectsInOneSecond(World.BEGIN + from.toMillis(), 10 * World.MINUTE);
  }

  /** Remembers the largest error of a device's clock then. */
  public void clockErrorAt(Duration when) {
    at(when, () -> clockErrorThen = clockError());
  }

  /** What it was. */
  public Duration clockErrorThen() {
    return clockErrorThen;
  }

  /** Compares the model's answers with what really happened, at one site, before and after. */
  public void accuracyFrom(Duration from, Duration until, String site) {
    fleet.watch().outcomesOf(site, World.BEGIN + from.toMillis(), World.BEGIN + until.toMillis());
  }

  /** Share of right answers before. */
  public double accuracyBefore() {
    return fleet.watch().accuracy(false);
  }

  /** Share of right answers after. */
  public double accuracyAfter() {
    return fleet.watch().accuracy(true);
  }

  private Optional<Rollout> rollout(long version) {
    return Optional.ofNullable(rollouts.get(version));
  }

  /** Devices of the fleet. */
  public int devices() {
    return fleet.settings().devices();
  }

  /** Devices on which a version answers now. */
  public long running(long version) {
    return fleet.devices().stream().filter(device -> device.version() == version).count();
  }

  /** Devices of which a user is answered by this version of every model that they have. */
  public long runningWhole(long version) {
    return fleet.devices().stream()
        .filter(device -> device.versions().stream().allMatch(one -> one == version))
        .count();
  }

  /** Devices that are still there and of which the rollout of a version says that they run it. */
  public long reached(long version) {
    return rollout(version)
        .map(
            rollout ->
                rollout.deployments.entrySet().stream()
                    .filter(one -> one.getValue().state.isSuccess())
                    .filter(one -> !fleet.device(one.getKey()).isGone())
                    .count())
        .orElse(0L);
  }

  /** Devices whose models answer with different versions. */
  public long mixed() {
    return fleet.devices().stream()
        .filter(device -> device.versions().stream().distinct().count() > 1)
        .count();
  }

  /** Devices with a version on trial now, whatever for. */
  public long onTrial() {
    return fleet.devices().stream().filter(SimDevice::hasTrial).count();
  }

  /** Of the predictions that were shared with a version on trial, the share that it answered. */
  public double shareAnswered(long version) {
    return fleet.watch().trials().share(version);
  }

  /** Predictions that were asked where a version was on trial. */
  public long askedOnTrial(long version) {
    return fleet.watch().trials().asked(version);
  }

  /** Copies that versions which shadow were given. */
  public long shadowed() {
    return fleet.watch().trials().copies();
  }

  /** Answers that a version gave which answers nobody. */
  public long answeredByShadows() {
    return fleet.watch().trials().answeredByShadows();
  }

  /** Devices on which a version ever answered. */
  public long everRan(long version) {
    return fleet.devices().stream().filter(device -> device.ran().contains(version)).count();
  }

  /** The phase of a version's rollout. */
  public String phase(long version) {
    return rollout(version).map(rollout -> rollout.state.phase().code()).orElse("NONE");
  }

  /** Remembers the phase of a version's rollout then. */
  public void phaseAt(Duration when, long version) {
    at(when, () -> phasesThen.add(phase(version)));
  }

  /** What the n-th was, from 0. */
  public String phaseThen(int count) {
    return phasesThen.get(count);
  }

  /** Why it is in that phase. */
  public String reason(long version) {
    return rollout(version).map(rollout -> rollout.state.phase().explanation()).orElse("");
  }

  /** Devices that a version's rollout gave an order to. */
  public long touched(long version) {
    return rollout(version)
        .map(
            rollout ->
                rollout.deployments.values().stream()
                    .filter(Rollout.Deployment::wasOrdered)
                    .count())
        .orElse(0L);
  }

  /** Devices that count as failed in a version's rollout. */
  public long failed(long version) {
    return rollout(version)
        .map(
            rollout ->
                rollout.deployments.values().stream().filter(one -> one.state.isFailure()).count())
        .orElse(0L);
  }

  /** Devices of a rollout's first stage. */
  public long firstStage(long version) {
    return rollout(version).map(rollout -> (long) rollout.stages.getFirst().size()).orElse(0L);
  }

  /** Whether a version's rollout came to its end. */
  public boolean ended(long version) {
    return rollout(version)
        .map(rollout -> rollout.state.phase())
        .filter(RolloutPhase::isTerminal)
        .isPresent();
  }

  /** Incidents, as {@code cohort feature}. */
  public List<String> incidents() {
    List<String> told = new ArrayList<>();
    for (Incident incident : fleet.plane().incidents()) {
      told.add(incident.finding().cohort() + " " + incident.finding().feature());
    }
    return told;
  }

  /** Windows between a time and the finding of each incident; negative before it. */
  public List<Long> windowsUntilFound(Duration from) {
    long first = (World.BEGIN + from.toMillis()) / fleet.settings().window().toMillis();
    return fleet.plane().incidents().stream()
        .map(incident -> incident.finding().window() - first)
        .toList();
  }

  /** Points at which the control plane died in its work. */
  public long deathPointsReached() {
    return fleet.plane().diedAt().size();
  }

  /** Windows that were judged. */
  public long windowsJudged() {
    return fleet.watch().judged();
  }

  /** Devices that count as online. */
  public long online() {
    return fleet.devices().stream().filter(device -> fleet.store().isOnline(device.id())).count();
  }

  /** Devices of which a copied key was noticed. */
  public List<Integer> clones() {
    return fleet.devices().stream()
        .filter(device -> fleet.store().isCloned(device.id()))
        .map(SimDevice::index)
        .toList();
  }

  private Duration clockError() {
    return fleet.devices().stream()
        .filter(SimDevice::isRunning)
        .map(device -> Duration.between(device.clock(), world.instant()).abs())
        .max(Duration::compareTo)
        .orElse(Duration.ZERO);
  }

  /** Records that came more than once and were stored once. */
  public long duplicates() {
    return fleet.store().duplicates();
  }

  /** The most that a model ended the agent of one device. */
  public long crashesOfOneDevice() {
    return fleet.devices().stream().mapToLong(SimDevice::crashes).max().orElse(0);
  }

  /** Damages a waiting record on the disk of each of these devices. */
  public void bitsFlip(Duration when, IntPredicate devices) {
    at(
        when,
        () -> {
          SplittableRandom random = new SplittableRandom(when.toMillis());
          fleet.devices().stream()
              .filter(device -> devices.test(device.index()))
              .forEach(device -> device.flipBit(random));
        });
  }

  /** Devices lose their power, and have it back after a minute. */
  public void powerCut(Duration when, IntPredicate devices) {
    at(
        when,
        () ->
            fleet.devices().stream()
                .filter(device -> devices.test(device.index()))
                .forEach(
                    device ->
                        device.stop(
                            new Loss.PowerCut(1 + device.index()), 0, Stop.INSIDE, World.MINUTE)));
  }

  /** Devices stop at once, one half killed and the other without power, and start again later. */
  public void stopped(Duration when, Duration lasts) {
    at(
        when,
        () ->
            fleet
                .devices()
                .forEach(
                    device ->
                        device.stopNow(
                            device.index() % 2 == 0
                                ? new Loss.Kill()
                                : new Loss.PowerCut(device.index()),
                            lasts.toMillis())));
  }

  /** Predictions that were in no record yet when their device stopped. */
  public long openWhenStopped() {
    return fleet.watch().predictionsOpenWhenStopped();
  }

  /** Of these, those that were not a second old. */
  public long youngWhenStopped() {
    return fleet.watch().predictionsYoungWhenStopped();
  }

  /** Predictions that were answered and that nobody counts. */
  public long uncounted() {
    return fleet.watch().predictionsUncounted();
  }

  /** Remembers how many devices answer with a version then. */
  public void countRunning(Duration when, long version) {
    at(when, () -> runningThen.add(running(version)));
  }

  /** What the n-th count was, from 0. */
  public long runningThen(int count) {
    return runningThen.get(count);
  }

  /** Records of a stream that were stored. */
  public long stored(RecordStream stream) {
    return fleet.watch().recordsStored(stream);
  }

  /** Records that devices say they dropped or found damaged. */
  public long saidLost() {
    return fleet.devices().stream().mapToLong(device -> fleet.store().saidLost(device.id())).sum();
  }

  /** Records that devices had to drop. */
  public long lost() {
    return fleet.devices().stream().mapToLong(device -> fleet.store().lost(device.id())).sum();
  }

  /** Windows that are kept to be judged once more, and those that then had another verdict. */
  public long[] replayed() {
    long different = fleet.plane().drift().replay();
    return new long[] {fleet.plane().drift().kept(), different};
  }
}
