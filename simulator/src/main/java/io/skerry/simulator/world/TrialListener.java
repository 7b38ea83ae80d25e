package io.skerry.simulator.world;

import io.skerry.agent.model.FailedPrediction;
import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.PredictionListener;

/** Counts what a version that shadows was given: no application knows of it. */
final class TrialListener implements PredictionListener {
  private final PredictionListener observer;
  private final Watch watch;
  private final SimDevice device;

  TrialListener(PredictionListener observer, Watch watch, SimDevice device) {
    this.observer = observer;
    this.watch = watch;
    this.device = device;
  }

  @Override
  public void predicted(Prediction prediction) {
    observer.predicted(prediction);
  }

  @Override
  public void failed(FailedPrediction failure) {
    if (device.isShadow(failure.model().slot())) {
      watch.shadowed(device);
    }
    observer.failed(failure);
  }

  @Override
  public void shadowed(Prediction primary, Prediction shadow) {
    watch.shadowed(device);
    observer.shadowed(primary, shadow);
  }

  @Override
  public void unmirrored(ModelRef shadow) {
    observer.unmirrored(shadow);
  }
}
