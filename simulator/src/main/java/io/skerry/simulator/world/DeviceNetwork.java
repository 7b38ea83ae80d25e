package io.skerry.simulator.world;

import java.util.SplittableRandom;

/** A device's network: its line to the broker and the one to the artifacts, each as bad as told. */
final class DeviceNetwork implements MemoryLink.Line, ArtifactServer.Line {
  private final SplittableRandom random;
  private boolean up = true;
  private double lossy;
  private boolean artifactsUp = true;
  private double artifactsBroken;
  private int cutAfter = Integer.MAX_VALUE;
  private long fetched;
  // Messages until the machine stops; it does not from 0 on.
  private long messagesLeft;
  private boolean stopsBehind;
  private Runnable stop = () -> {};

  DeviceNetwork(SplittableRandom random) {
    this.random = random;
  }

  void up(boolean now) {
    up = now;
  }

  void lossy(double share) {
    lossy = share;
  }

  void artifacts(boolean reachable, double broken) {
    artifactsUp = reachable;
    artifactsBroken = broken;
  }

  /**
   * The machine stops at one of the next messages.
   *
   * @param messages which of them, from 1
   * @param behind whether it is sent then
   */
  void stopAt(long messages, boolean behind, Runnable machine) {
    messagesLeft = messages;
    stopsBehind = behind;
    stop = machine;
  }

  void stopNoMore() {
    messagesLeft = 0;
  }

  /** The same, unless it is to stop in another way since. */
  void stopNoMore(Runnable machine) {
    if (stop == machine) {
      stopNoMore();
    }
  }

  @Override
  public void sends() {
    if (messagesLeft == 1 && !stopsBehind) {
      messagesLeft = 0;
      stop.run();
    }
  }

  @Override
  public void sent() {
    if (messagesLeft > 0 && --messagesLeft == 0) {
      stop.run();
    }
  }

  /** Whatever of an artifact is asked for, its line breaks after so many bytes. */
  void cut(int bytes) {
    cutAfter = bytes;
  }

  /** Bytes of artifacts that ever came over the line. */
  long fetched() {
    return fetched;
  }

  @Override
  public boolean isUp() {
    return up;
  }

  @Override
  public MemoryLink.Fate next() {
    if (lossy > 0 && random.nextDouble() < lossy) {
      return random.nextBoolean() ? MemoryLink.Fate.LOST : MemoryLink.Fate.UNACKNOWLEDGED;
    }
    return MemoryLink.Fate.ARRIVES;
  }

  // One that nobody heard of comes again after the next connect.
  @Override
  public boolean acknowledges() {
    return lossy <= 0 || random.nextDouble() >= lossy;
  }

  @Override
  public long millis() {
    return 50 + random.nextLong(200);
  }

  @Override
  public ArtifactServer.Fate next(int length) {
    if (!artifactsUp || !up) {
      return new ArtifactServer.Fate(-1, false, 0);
    }
    if (artifactsBroken > 0 && random.nextDouble() < artifactsBroken) {
      return switch (random.nextInt(4)) {
        case 0 -> new ArtifactServer.Fate(random.nextInt(length + 1), false, 0);
        case 1 -> new ArtifactServer.Fate(length, true, 0);
        case 2 -> new ArtifactServer.Fate(length, false, 503);
        default -> new ArtifactServer.Fate(-1, false, 0);
      };
    }
    return new ArtifactServer.Fate(Math.min(length, cutAfter), false, 0);
  }

  @Override
  public void gave(int bytes) {
    fetched += bytes;
  }
}
