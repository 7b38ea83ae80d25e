package io.skerry.agent.serve;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import io.grpc.Context;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.PrototypeMarshaller;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tells a client what is wrong with bytes that are no request, too many when unpacked, or more
 * objects than there is room for. gRPC by itself answers UNKNOWN to both and writes a stack trace
 * into the log for each.
 */
final class UnreadableRequests implements ServerInterceptor {
  private UnreadableRequests() {}

  // A request is read and handed on by the same thread, one after the other.
  private static final ThreadLocal<@Nullable StatusRuntimeException> FAILURE = new ThreadLocal<>();

  /** The service, with requests read in a way that their failure can be answered. */
  static ServerServiceDefinition answered(ServerServiceDefinition service) {
    ServiceDescriptor.Builder descriptor =
        ServiceDescriptor.newBuilder(service.getServiceDescriptor().getName())
            .setSchemaDescriptor(service.getServiceDescriptor().getSchemaDescriptor());
    List<ServerMethodDefinition<?, ?>> methods = new ArrayList<>();
    for (ServerMethodDefinition<?, ?> method : service.getMethods()) {
      ServerMethodDefinition<?, ?> noting = noting(method);
      descriptor.addMethod(noting.getMethodDescriptor());
      methods.add(noting);
    }
    ServerServiceDefinition.Builder definition =
        ServerServiceDefinition.builder(descriptor.build());
    methods.forEach(definition::addMethod);
    return ServerInterceptors.intercept(definition.build(), new UnreadableRequests());
  }

  private static <A, B> ServerMethodDefinition<A, B> noting(ServerMethodDefinition<A, B> method) {
    MethodDescriptor<A, B> descriptor = method.getMethodDescriptor();
    return ServerMethodDefinition.create(
        descriptor.toBuilder()
            .setRequestMarshaller(new Noting<>(descriptor.getRequestMarshaller()))
            .build(),
        method.getServerCallHandler());
  }

  private record Noting<A>(MethodDescriptor.Marshaller<A> marshaller)
      implements MethodDescriptor.Marshaller<A> {
    @Override
    public InputStream stream(A value) {
      return marshaller.stream(value);
    }

    @Override
    public A parse(InputStream stream) {
      try {
        Context call = Context.current();
        return marshaller instanceof PrototypeMarshaller<A> known
                && known.getMessagePrototype() instanceof Message prototype
                && MessageReader.reads(stream)
            ? known
                .getMessageClass()
                .cast(
                    MessageReader.read(prototype, stream, bytes -> CallBytes.unpacks(call, bytes)))
            : marshaller.parse(stream);
      } catch (StatusRuntimeException e) {
        return failed(e);
      } catch (IOException e) {
        return failed(Status.INTERNAL.withCause(e).asRuntimeException());
      } catch (OutOfMemoryError e) {
        return failed(
            Status.RESOURCE_EXHAUSTED
                .withDescription("not enough memory for this request now")
                .asRuntimeException());
      }
    }

    private A failed(StatusRuntimeException why) {
      FAILURE.set(why);
      return marshaller.parse(InputStream.nullInputStream());
    }
  }

  @Override
  public <A, B> ServerCall.Listener<A> interceptCall(
      ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
    return new Reader<>(call, next.startCall(call, headers));
  }

  private static final class Reader<A, B> extends SimpleForwardingServerCallListener<A> {
    private final ServerCall<A, B> call;
    private boolean refused;

    Reader(ServerCall<A, B> call, ServerCall.Listener<A> listener) {
      super(listener);
      this.call = call;
    }

    @Override
    public void onMessage(A message) {
      if (refused) {
        return;
      }
      StatusRuntimeException e = FAILURE.get();
      if (e == null) {
        super.onMessage(message);
      } else {
        FAILURE.remove();
        refused = true;
        Status status =
            e.getCause() instanceof InvalidProtocolBufferException broken
                ? Status.INVALID_ARGUMENT.withDescription(
                    "the request is no readable message: " + broken.getMessage())
                : e.getStatus();
        call.close(status, new Metadata());
      }
    }

    @Override
    public void onHalfClose() {
      if (!refused) {
        super.onHalfClose();
      }
    }

    @Override
    public void onReady() {
      if (!refused) {
        super.onReady();
      }
    }
  }
}
