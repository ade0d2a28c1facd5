"""The liquidation mechanism fused with the path kernel; outcomes and their errors."""
