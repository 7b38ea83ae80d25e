package io.skerry.agent.bench;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.runtime.TensorPool;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferResponse;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What serving adds to one model, measured with an agent's process beside this one.
 *
 * @param raw runs of the engine in this process, one thread
 * @param empty calls that do nothing
 * @param inline calls with tensors in the messages, the client's copies included
 * @param shared calls with tensors in shared memory, the client's copies included
 * @param emptyPerSecond calls that do nothing, 16 in flight
 * @param servedPerSecond predictions, 16 in flight
 * @param memory of the agent after all calls
 */
public record ModelBench(
    Timings raw,
    Timings empty,
    Timings inline,
    Timings shared,
    double emptyPerSecond,
    double servedPerSecond,
    ProcessFacts.Memory memory) {
  private static final int CONCURRENCY = 16;
  private static final int ROUNDS = 7;
  private static final long TENSOR_BYTES_RESERVED = 64L << 20;

  /**
   * Measures.
   *
   * @param millisMax about how long the whole may take
   */
  public static ModelBench measure(
      AgentProcess agent, LoadedModel model, String name, long millisMax) throws Exception {
    List<Tensor> inputs = ModelInputs.zeros(model.signature());
    ModelInferRequest request = AgentClient.request(name, inputs);
    TensorPool pool = new TensorPool(TENSOR_BYTES_RESERVED);
    try (AgentClient client = AgentClient.of(agent.socket())) {
      ModelInferResponse first = client.blocking().modelInfer(request);
      try (SharedRegionFile region =
          SharedRegionFile.register(client, name, inputs, outputs(first))) {
        Timings.Work raw = () -> run(model, inputs, pool);
        Timings.Work inline =
            () -> read(client.blocking().modelInfer(AgentClient.request(name, inputs)));
        Timings.Work shared = () -> region.call(client);
        long budget = millisMax * 1_000_000 / 8;
        int runs = Math.clamp((long) (budget / Timings.of(20, raw).p50() / ROUNDS), 5, 2_000);
        int calls = Math.clamp((long) (budget / Timings.of(20, inline).p50() / ROUNDS), 5, 2_000);
        for (Timings.Work work : List.of(raw, (Timings.Work) client::live, inline, shared)) {
          Timings.of(calls * ROUNDS, work);
        }
        List<Timings> raws = new ArrayList<>();
        List<Timings> empties = new ArrayList<>();
        List<Timings> inlines = new ArrayList<>();
        List<Timings> shareds = new ArrayList<>();
        for (int round = 0; round < ROUNDS; round++) {
          raws.add(Timings.of(runs, raw));
          empties.add(Timings.of(calls, client::live));
          inlines.add(Timings.of(calls, inline));
          shareds.add(Timings.of(calls, shared));
        }
        InFlight load = new InFlight(client, request, CONCURRENCY);
        load.runEmpty(calls * 4);
        load.run(calls * 4);
        return new ModelBench(
            Timings.median(raws),
            Timings.median(empties),
            Timings.median(inlines),
            Timings.median(shareds),
            load.runEmpty(calls * 4),
            load.run(calls * 4),
            agent.facts().memory());
      }
    }
  }

  /** How many predictions a second transport and engine allow on so many cores. */
  public double possiblePerSecond(int cores) {
    return 1 / (1 / emptyPerSecond + raw.p50() / 1e9 / cores);
  }

  private static void run(LoadedModel model, List<Tensor> inputs, TensorPool pool)
      throws EngineException {
    try (RunScope scope = pool.open()) {
      model.run(inputs, scope);
    }
  }

  private static Map<String, Integer> outputs(ModelInferResponse response) {
    Map<String, Integer> outputs = new LinkedHashMap<>();
    for (int i = 0; i < response.getOutputsCount(); i++) {
      outputs.put(response.getOutputs(i).getName(), response.getRawOutputContents(i).size());
    }
    return outputs;
  }

  private static void read(ModelInferResponse response) throws IOException {
    for (int i = 0; i < response.getOutputsCount(); i++) {
      if (response.getRawOutputContents(i).toByteArray().length == 0) {
        throw new IOException("output '%s' is empty".formatted(response.getOutputs(i).getName()));
      }
    }
  }
}
