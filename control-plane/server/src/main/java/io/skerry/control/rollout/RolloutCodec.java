package io.skerry.control.rollout;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.TypeAdapter;
import com.google.gson.TypeAdapterFactory;
import com.google.gson.reflect.TypeToken;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The decision core's records as JSON, exactly: what is read back is equal, to the last bit of
 * every number. A variant of a sealed type names itself in {@code type}; ids are plain strings;
 * what may be absent is a list of none or one.
 */
final class RolloutCodec {
  private static final String TYPE = "type";
  private static final String IDS = "io.skerry.protocol";

  static final Gson GSON =
      new GsonBuilder()
          .disableHtmlEscaping()
          .registerTypeAdapterFactory(new IdFactory())
          .registerTypeAdapterFactory(new SealedFactory())
          .registerTypeAdapterFactory(new OptionalFactory())
          .registerTypeAdapter(Duration.class, text(Duration::parse))
          .registerTypeAdapter(Instant.class, text(Instant::parse))
          .registerTypeAdapter(LocalTime.class, text(LocalTime::parse))
          .registerTypeHierarchyAdapter(ZoneId.class, text(ZoneId::of))
          .registerTypeAdapter(OptionalDouble.class, new OptionalDoubleAdapter())
          .registerTypeAdapter(double.class, new DoubleAdapter())
          .registerTypeAdapter(Double.class, new DoubleAdapter())
          .create();

  private RolloutCodec() {}

  static String write(Object value, Type type) {
    return GSON.toJson(value, type);
  }

  private static <T> TypeAdapter<T> text(Function<String, T> parser) {
    return new TypeAdapter<T>() {
      @Override
      public void write(JsonWriter out, T value) throws IOException {
        out.value(value.toString());
      }

      @Override
      public T read(JsonReader in) throws IOException {
        return parser.apply(in.nextString());
      }
    };
  }

  // JSON has no infinity.
  private static final class DoubleAdapter extends TypeAdapter<Double> {
    @Override
    public void write(JsonWriter out, Double value) throws IOException {
      if (Double.isFinite(value)) {
        out.value(value);
      } else {
        out.value(value.toString());
      }
    }

    @Override
    public Double read(JsonReader in) throws IOException {
      return Double.parseDouble(in.nextString());
    }
  }

  private static final class OptionalDoubleAdapter extends TypeAdapter<OptionalDouble> {
    @Override
    public void write(JsonWriter out, OptionalDouble value) throws IOException {
      out.beginArray();
      if (value.isPresent()) {
        out.value(value.getAsDouble());
      }
      out.endArray();
    }

    @Override
    public OptionalDouble read(JsonReader in) throws IOException {
      in.beginArray();
      OptionalDouble value =
          in.hasNext() ? OptionalDouble.of(in.nextDouble()) : OptionalDouble.empty();
      in.endArray();
      return value;
    }
  }

  private static final class IdFactory implements TypeAdapterFactory {
    @Override
    public <T> @Nullable TypeAdapter<T> create(Gson gson, TypeToken<T> type) {
      Class<? super T> raw = type.getRawType();
      RecordComponent[] components =
          raw.isRecord() && raw.getPackageName().equals(IDS) ? raw.getRecordComponents() : null;
      if (components == null
          || components.length != 1
          || !components[0].getType().equals(String.class)) {
        return null;
      }
      return text(
          value -> {
            try {
              @SuppressWarnings("unchecked") // The constructor is that of the type.
              T id = (T) raw.getDeclaredConstructor(String.class).newInstance(value);
              return id;
            } catch (ReflectiveOperationException e) {
              throw new IllegalArgumentException(raw.getSimpleName() + " '" + value + "'", e);
            }
          });
    }
  }

  private static final class SealedFactory implements TypeAdapterFactory {
    @Override
    public <T> @Nullable TypeAdapter<T> create(Gson gson, TypeToken<T> type) {
      Class<? super T> raw = type.getRawType();
      if (!raw.isInterface() || !raw.isSealed()) {
        return null;
      }
      return new TypeAdapter<T>() {
        @Override
        public void write(JsonWriter out, T value) throws IOException {
          JsonObject object = gson.toJsonTree(value, value.getClass()).getAsJsonObject();
          object.addProperty(TYPE, value.getClass().getSimpleName());
          gson.toJson(object, out);
        }

        @Override
        public T read(JsonReader in) throws IOException {
          JsonObject object = JsonParser.parseReader(in).getAsJsonObject();
          JsonElement name = object.remove(TYPE);
          for (Class<?> variant : raw.getPermittedSubclasses()) {
            if (variant.getSimpleName().equals(name.getAsString())) {
              @SuppressWarnings("unchecked") // A permitted subclass is one of the type.
              T value = (T) gson.fromJson(object, variant);
              return value;
            }
          }
          throw new IllegalArgumentException(
              "%s has no variant '%s'".formatted(raw.getSimpleName(), name));
        }
      };
    }
  }

  private static final class OptionalFactory implements TypeAdapterFactory {
    @Override
    public <T> @Nullable TypeAdapter<T> create(Gson gson, TypeToken<T> type) {
      if (type.getRawType() != Optional.class) {
        return null;
      }
      Type inner = ((ParameterizedType) type.getType()).getActualTypeArguments()[0];
      TypeAdapter<Object> adapter = of(gson, inner);
      return new TypeAdapter<T>() {
        @Override
        public void write(JsonWriter out, T value) throws IOException {
          Optional<?> optional = (Optional<?>) value;
          out.beginArray();
          if (optional.isPresent()) {
            adapter.write(out, optional.get());
          }
          out.endArray();
        }

        @Override
        @SuppressWarnings("unchecked") // The factory is asked for optionals only.
        public T read(JsonReader in) throws IOException {
          in.beginArray();
          Optional<?> value = in.hasNext() ? Optional.of(adapter.read(in)) : Optional.empty();
          in.endArray();
          return (T) value;
        }
      };
    }

    @SuppressWarnings("unchecked") // The inner type is only known at run time.
    private static TypeAdapter<Object> of(Gson gson, Type inner) {
      return (TypeAdapter<Object>) gson.getAdapter(TypeToken.get(inner));
    }
  }
}
