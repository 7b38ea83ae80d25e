package io.skerry.agent.serve;

import com.google.protobuf.ByteString;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ModelTraits;
import io.skerry.agent.model.PredictionListener;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.model.ServingModel;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.LoadedModel;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.InstantSource;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;

/** A real server on a free port with models of the test's own, and a client of it. */
public final class TestServer implements AutoCloseable {
  private final ModelSlots slots = new ModelSlots();
  private final AgentServer server;
  private final TestClient client;

  private TestServer(UnaryOperator<ServeConfig> config, UnaryOperator<Served> served)
      throws ListenException {
    Predictor predictor =
        new Predictor(
            slots, InstantSource.system(), new SplittableRandom(1), PredictionListener.NONE);
    server =
        AgentServer.start(
            config.apply(ServeConfig.at(new ListenAddress.Tcp("127.0.0.1", 0))),
            served.apply(Served.of(slots, predictor, ModelListing.ofActive(slots))));
    client = TestClient.to(server.address());
  }

  /** A server with everything as usual. */
  public static TestServer start() throws ListenException {
    return new TestServer(config -> config, served -> served);
  }

  /** A server with another configuration. */
  public static TestServer start(UnaryOperator<ServeConfig> config) throws ListenException {
    return new TestServer(config, served -> served);
  }

  /** A server with other parts. */
  public static TestServer start(UnaryOperator<ServeConfig> config, UnaryOperator<Served> served)
      throws ListenException {
    return new TestServer(config, served);
  }

  /** Serves a model as version 1 of this name. */
  public TestServer with(String name, LoadedModel model) {
    return with(name, model, ModelTraits.of(model.signature()));
  }

  /** Serves a model as version 1 of this name, with traits. */
  public TestServer with(String name, LoadedModel model, ModelTraits traits) {
    SlotId slot = new SlotId("slot-" + (slots.active().size() + 1));
    slots.activate(
        slot,
        new ServingModel(
            slot, new ModelVersion(new ModelName(name), 1), Digest.of(new byte[0]), model, traits));
    return this;
  }

  /** What serves. */
  public ModelSlots slots() {
    return slots;
  }

  /** The server. */
  public AgentServer server() {
    return server;
  }

  /** A client of it. */
  public TestClient client() {
    return client;
  }

  /** Calls it. */
  public GRPCInferenceServiceBlockingStub stub() {
    return client.inference();
  }

  /** A request to model {@code m} with one raw input {@code x}. */
  public static ModelInferRequest.Builder raw(String type, List<Long> shape, ByteString data) {
    return ModelInferRequest.newBuilder()
        .setModelName("m")
        .addInputs(InferInputTensor.newBuilder().setName("x").setDatatype(type).addAllShape(shape))
        .addRawInputContents(data);
  }

  /** A request to model {@code m} with one raw FP32 input {@code x} of shape [1, n]. */
  public static ModelInferRequest.Builder floats(float... values) {
    return raw("FP32", List.of(1L, (long) values.length), bytes(values));
  }

  /** Little-endian floats. */
  public static ByteString bytes(float... values) {
    ByteBuffer data =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return ByteString.copyFrom(data);
  }

  @Override
  public void close() {
    client.close();
    server.close();
    slots.close();
  }
}
