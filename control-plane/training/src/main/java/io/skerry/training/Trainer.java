package io.skerry.training;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Parameter;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.initializer.XavierInitializer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import io.skerry.artifact.job.JobProgress;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Trains the network: Adam with a cosine schedule on cross-entropy that weighs rare classes up, and
 * of all epochs keeps the one with the best ROC AUC on the validation split.
 */
final class Trainer {
  private static final int BATCH = 128;
  private static final int SCORING_BATCH = 2048;
  private static final float LEARNING_RATE = 2e-3f;
  private static final float LEARNING_RATE_LAST = 5e-5f;
  private static final float WEIGHT_MAX = 20;

  /**
   * What training found.
   *
   * @param testScores of the test split, by PyTorch: what the exported model must agree with
   */
  record Result(
      NetworkWeights weights, int epoch, double validationRocAuc, Predictions testScores) {}

  private final Examples examples;
  private final TrainingSpec spec;
  private final Normalisation normalisation;
  private final float[] weights;
  private final Network network;

  Trainer(Examples examples, TrainingSpec spec) {
    this.examples = examples;
    this.spec = spec;
    this.normalisation = Normalisation.of(examples);
    this.weights = weights(examples);
    this.network = new Network(spec.outputs());
  }

  Result train(Consumer<JobProgress> progress) {
    PyTorch.load(spec.seed());
    int[] rows = examples.rows(Split.TRAIN).clone();
    int steps = spec.epochs() * ((rows.length + BATCH - 1) / BATCH);
    DefaultTrainingConfig config =
        new DefaultTrainingConfig(Loss.sigmoidBinaryCrossEntropyLoss())
            .optDevices(new Device[] {Device.cpu()})
            .optInitializer(new XavierInitializer(), Parameter.Type.WEIGHT)
            .optOptimizer(
                Optimizer.adam()
                    .optLearningRateTracker(
                        Tracker.cosine()
                            .setBaseValue(LEARNING_RATE)
                            .optFinalValue(LEARNING_RATE_LAST)
                            .setMaxUpdates(steps)
                            .build())
                    .build());
    try (Model model = Model.newInstance(spec.model(), PyTorch.ENGINE)) {
      model.setBlock(network.block());
      try (ai.djl.training.Trainer trainer = model.newTrainer(config)) {
        trainer.initialize(new Shape(BATCH, examples.features(), examples.window()));
        return epochs(trainer, rows, progress);
      }
    }
  }

  private Result epochs(
      ai.djl.training.Trainer trainer, int[] rows, Consumer<JobProgress> progress) {
    Random random = new Random(spec.seed());
    Result best = null;
    for (int epoch = 1; epoch <= spec.epochs(); epoch++) {
      shuffle(rows, random);
      for (int from = 0; from < rows.length; from += BATCH) {
        step(trainer, rows, from, Math.min(from + BATCH, rows.length));
      }
      double rocAuc = scores(trainer, Split.VALIDATION).rocAuc().value();
      progress.accept(
          new JobProgress(
              "train",
              epoch,
              spec.epochs(),
              String.format(Locale.ROOT, "validation ROC AUC %.4f", rocAuc)));
      if (best == null || rocAuc > best.validationRocAuc()) {
        best =
            new Result(network.weights(normalisation), epoch, rocAuc, scores(trainer, Split.TEST));
      }
    }
    if (best == null) {
      throw new IllegalStateException("trained for no epoch");
    }
    return best;
  }

  private void step(ai.djl.training.Trainer trainer, int[] rows, int from, int to) {
    try (NDManager manager = trainer.getManager().newSubManager()) {
      int width = spec.outputs();
      float[] truth = new float[(to - from) * width];
      float[] own = new float[to - from];
      for (int i = from; i < to; i++) {
        int label = examples.label(rows[i]);
        if (width > 1) {
          truth[(i - from) * width + label] = 1;
        } else {
          truth[i - from] = label;
        }
        own[i - from] = weights[label];
      }
      NDArray input = input(manager, rows, from, to);
      NDArray target = manager.create(truth, new Shape(to - from, width));
      NDArray weight = manager.create(own);
      try (GradientCollector collector = trainer.newGradientCollector()) {
        NDArray logits = trainer.forward(new NDList(input)).singletonOrThrow();
        NDArray each =
            width > 1
                ? logits.logSoftmax(1).mul(target).sum(new int[] {1}).neg()
                : crossEntropy(logits.flatten(), target.flatten());
        NDArray loss = each.mul(weight).sum().div(weight.sum());
        collector.backward(loss);
      }
      trainer.step();
    }
  }

  /**
   * {@code max(z, 0) − z·y + ln(1 + exp(−|z|))}: the cross-entropy of a logit, without overflow.
   */
  private static NDArray crossEntropy(NDArray logit, NDArray label) {
    NDArray tail = logit.abs().neg().exp().add(1).log();
    return Activation.relu(logit).sub(logit.mul(label)).add(tail);
  }

  // Of two classes the positive one weighs as much as the other; of more, each as the commonest.
  private static float[] weights(Examples examples) {
    int[] counts = examples.counts(examples.rows(Split.TRAIN));
    int most = counts.length == 2 ? counts[0] : Arrays.stream(counts).max().orElseThrow();
    float[] weights = new float[counts.length];
    for (int i = 0; i < counts.length; i++) {
      weights[i] = Math.min(WEIGHT_MAX, (float) most / counts[i]);
    }
    return weights;
  }

  private Predictions scores(ai.djl.training.Trainer trainer, Split split) {
    int[] rows = examples.rows(split);
    int width = spec.outputs();
    float[] scores = new float[rows.length * width];
    for (int from = 0; from < rows.length; from += SCORING_BATCH) {
      int to = Math.min(from + SCORING_BATCH, rows.length);
      try (NDManager manager = trainer.getManager().newSubManager()) {
        NDArray input = input(manager, rows, from, to);
        NDArray logits = trainer.evaluate(new NDList(input)).singletonOrThrow();
        NDArray said = width > 1 ? logits.softmax(1) : Activation.sigmoid(logits.flatten());
        System.arraycopy(said.toFloatArray(), 0, scores, from * width, (to - from) * width);
      }
    }
    return new Predictions(scores, width, examples.labels(rows));
  }

  private NDArray input(NDManager manager, int[] rows, int from, int to) {
    float[] values = examples.values(rows, from, to);
    normalisation.apply(values, examples.window());
    return manager.create(values, new Shape(to - from, examples.features(), examples.window()));
  }

  private static void shuffle(int[] rows, Random random) {
    for (int i = rows.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int kept = rows[i];
      rows[i] = rows[j];
      rows[j] = kept;
    }
  }
}
