"""What LangGraph's users pass as ``serde=``: values are stored by nbflow's own codec, and by no other."""
