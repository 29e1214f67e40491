"""What LangChain's users expect where it is loaded: callbacks, traces, models that are heard, a Runnable."""
