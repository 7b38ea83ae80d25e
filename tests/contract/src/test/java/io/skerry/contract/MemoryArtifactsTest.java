package io.skerry.contract;

/** The simulation's artifact server keeps the contract of the control plane's. */
class MemoryArtifactsTest implements ArtifactsContract {
  private final ServedArtifacts artifacts = new MemoryArtifacts();

  @Override
  public ServedArtifacts artifacts() {
    return artifacts;
  }
}
